/* Input: 'f' for XFORWARD, then the arguments. */
#include "wire/smtp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct smtp_xclient x = { 0 };
	bool forward;

	if (size == 0)
		return 0;
	forward = data[0] == 'f';
	if (smtp_xclient_parse(&a, str_of(data + 1, size - 1), forward, &x) == OK) {
		assert(x.given && !(x.unavailable & ~x.given));
		assert(!(x.given & (forward ? 1u << XATTR_LOGIN | 1u << XATTR_DESTADDR | 1u << XATTR_DESTPORT
					    : 1u << XATTR_IDENT | 1u << XATTR_SOURCE)));
		for (unsigned i = 0; i < XATTRS; i++) {
			assert(!str_has_ctl(x.text[i]) && str_is_utf8(x.text[i]));
			assert(!x.text[i].n || x.given & 1u << i);
		}
		assert(x.addr.bytes == 0 || x.addr.bytes == 4 || x.addr.bytes == 16);
		assert(!x.text[XATTR_PORT].n || x.port);
		assert(!x.text[XATTR_HELO].n || smtp_helo_check(x.text[XATTR_HELO]) == OK);
	} else {
		assert(!x.given);
	}
	arena_done(&a);
	return 0;
}
