/* Whatever decodes encodes to the same bytes again, or to fewer (varints have longer spellings). */
#include "talk/talk.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = { 0 };

#define MESSAGE(message, fields)                                                                             \
	{                                                                                                    \
		struct talk_##message m, again;                                                              \
		str in = str_of(data, size);                                                                 \
                                                                                                             \
		buf_clear(&b);                                                                               \
		if (talk_take_##message(&in, &m)) {                                                          \
			talk_put_##message(&b, &m);                                                          \
			assert(b.n <= size - in.n);                                                          \
			assert(talk_read_##message(buf_str(&b), &again));                                    \
		}                                                                                            \
	}
#define CALL(question, answer, from, to)
#define TELL(name, from, to)
#include "talk/messages.def"
	buf_done(&b);
	return 0;
}
