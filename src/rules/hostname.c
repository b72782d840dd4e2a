#include "rules/rules.h"

enum { MOST_NAME = 255, MOST_LABEL = 63 };

bool
rules_hostname_ok(str name)
{
	size_t label = 0;
	bool other = false; /* than digits and dots */

	if (name.n == 0 || name.n > MOST_NAME)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (ascii_alnum(c) || c == '_' || (unsigned char)c >= 128) {
			other |= !ascii_digit(c);
			if (++label > MOST_LABEL)
				return false;
		} else if (c == '-') {
			if (label == 0 || i + 1 == name.n || name.p[i + 1] == '.' || ++label > MOST_LABEL)
				return false;
			other = true;
		} else if (c == '.') {
			if (label == 0 || i + 1 == name.n)
				return false;
			label = 0;
		} else {
			return false;
		}
	}
	return other && str_is_utf8(name);
}
