#include "base/fault.h"

static const struct fault_words words[] = {
	[OK] = { "OK", 250, "2.0.0", "", "", "OK" },
#define FAULT(name, smtp, status, pop3, imap, text) [name] = { #name, smtp, status, pop3, imap, text },
#include "base/fault.def"
#undef FAULT
};

const struct fault_words *
fault_words(enum fault f)
{
	return &words[f < FAULTS ? f : INTERNAL];
}

const struct fault_help *
fault_help(enum fault f)
{
	static const struct fault_help none = { "", "", "", "" };
	static const struct fault_help help[FAULTS] = {
#define HELP(name, todo, when, sender, admin) [name] = { todo, when, sender, admin },
#include "base/fault_help.def"
#undef HELP
	};

	return f < FAULTS && help[f].todo ? &help[f] : &none;
}

enum fault
fault_of(uint64_t number)
{
	return number < FAULTS ? (enum fault)number : INTERNAL;
}

bool
fault_is_temporary(enum fault f)
{
	return fault_words(f)->smtp / 100 == 4;
}
