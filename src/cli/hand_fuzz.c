/* Input: what a helper says that somebody else has taken over. The parent hears it to the end or to the first nonsense; strings are within what
 * came, and no more memory is asked for than a frame may have. */
#include "cli/hand.h"

#include "base/mem.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 60000 /* fits into a socket at once */ };

static uint64_t sum;

static void
see(str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hand_heard heard;
	struct buf body = { 0 };
	struct hand *h;
	int ends[2];

	size = MIN(size, (size_t)LONGEST);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	if (size && write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	h = hand_of("fuzz", 0, ends[0]);
	while (hand_next(h, &heard)) {
		switch (heard.kind) {
		case HAND_FOLDER: see(heard.folder.mailbox); break;
		case HAND_TROUBLE:
			see(heard.trouble.name);
			see(heard.trouble.text);
			break;
		case HAND_END: break;
		case HAND_ITEM:
			assert(heard.item.size <= HAND_MESSAGE_MOST);
			see(heard.item.name);
			see(heard.item.keywords);
			see(heard.item.references);
			see(heard.item.row);
			buf_clear(&body);
			if (heard.item.flags & 1) /* else it is passed over */
				while (hand_body(h, &body, 4096) && body.n && body.n < heard.item.size)
					;
			assert(body.n <= heard.item.size);
		}
	}
	(void)hand_end(h);
	buf_done(&body);
	return 0;
}
