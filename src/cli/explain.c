/* cli/explain.c - postrider explain CODE: what a reply means, when this server gives it, and what can be done */
#include "cli/cli.h"

#include "base/mem.h"
#include "wire/smtp_codes.h"

#include <getopt.h>
#include <stdlib.h>

enum { MOST_TEXT = 4096, COLUMN = 100 };

/* "  label  text", the text wrapped with the label's indent. */
static void
add_wrapped(struct buf *b, size_t indent, const char *label, const char *text)
{
	size_t column = indent + 15;
	str rest = str_c(text), word;

	buf_printf(b, "%*s%-15s", (int)indent, "", label);
	while (str_take_word(&rest, &word)) {
		if (column + word.n + 1 > COLUMN) {
			buf_printf(b, "\n%*s", (int)indent + 15, "");
			column = indent + 15;
		}
		buf_add(b, word);
		buf_add_char(b, ' ');
		column += word.n + 1;
	}
	b->n--; /* the last blank */
	buf_add_char(b, '\n');
}

static const char *
class_meaning(char class)
{
	switch (class) {
	case '2': return "done";
	case '3': return "so far good; more is wanted";
	case '4': return "not now: the sending server tries again by itself, usually for some days";
	default: return "no, and trying again in the same way will not help";
	}
}

static void
add_numbers(struct buf *b, const struct smtp_numbers *n)
{
	const struct smtp_status *status = smtp_status_find(n->status);
	char code[4], class = n->code ? (char)('0' + n->code / 100) : n->status.p[0];
	struct arena a = { 0 };

	if (n->code) {
		const char *meaning = smtp_code_meaning(n->code);

		snprintf(code, sizeof(code), "%03d", n->code);
		add_wrapped(b, 0, code,
			meaning ? meaning : "a code that no standard knows; its first digit counts");
	}
	if (n->status.n) {
		str text = status ? arena_printf(
					    &a, "%s (%s): %s", status->name, status->source, status->meaning)
				  : S("a status that the registry does not know");

		add_wrapped(b, 0, arena_cstr(&a, n->status), arena_cstr(&a, text));
	}
	add_wrapped(b, 0, "That is", class_meaning(class));
	arena_done(&a);
}

static bool
fits(const struct fault_words *w, const struct smtp_numbers *n)
{
	return (!n->code || n->code == w->smtp) && (!n->status.n || str_eq(n->status, str_c(w->status)));
}

static bool
is_told(enum fault f)
{
	return f != OK && f != CLOSED && f != CANCELLED && f != MALFORMED && f != ALREADY_EXISTS &&
	       f != NOT_FOUND;
}

static void
add_case(struct buf *b, enum fault f)
{
	const struct fault_help *h = fault_help(f);

	buf_printf(b, "\n\"%d %s %s\"\n", fault_words(f)->smtp, fault_words(f)->status, fault_words(f)->text);
	if (h->when[0])
		add_wrapped(b, 2, "when:", h->when);
	if (h->sender[0])
		add_wrapped(b, 2, "sender:", h->sender);
	if (h->admin[0])
		add_wrapped(b, 2, "administrator:", h->admin);
}

/* Our own cases: the one whose words stand in the text, else all that have these numbers. */
static void
add_cases(struct buf *b, const struct smtp_numbers *n, str text)
{
	bool any = false, exact = false;

	for (unsigned f = 0; f < FAULTS && !exact; f++)
		exact = is_told((enum fault)f) && fits(fault_words((enum fault)f), n) &&
			str_find_str(text, str_c(fault_words((enum fault)f)->text)) < text.n;
	for (unsigned f = 0; f < FAULTS; f++) {
		const struct fault_words *w = fault_words((enum fault)f);

		if (!is_told((enum fault)f) || !fits(w, n) ||
			(exact && str_find_str(text, str_c(w->text)) == text.n))
			continue;
		if (!any)
			buf_add_c(b, "\nPostrider says it here:\n");
		add_case(b, (enum fault)f);
		any = true;
	}
	if (!any)
		buf_add_c(b, "\nPostrider itself never says it.\n");
}

/* "(id 1a2b)" */
static void
add_id(struct buf *b, str text)
{
	str id = str_from(text, str_find_str(text, S("(id ")));

	if (!str_take(&id, S("(id ")))
		return;
	id = str_sub(id, 0, str_find(id, ')'));
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_alnum(id.p[i]))
			return;
	if (id.n && id.n < 32)
		buf_printf(b, "\nThe session is %.*s: look for session=%.*s in the log.\n", STR_ARG(id),
			STR_ARG(id));
}

static int
run_explain(const struct cli *cli, int argc, char **argv)
{
	struct buf text = { .limit = MOST_TEXT }, b = { 0 };
	struct smtp_numbers n;
	int status;

	(void)cli;
	if (argc < 2 || argv[1][0] == '-')
		return cli_usage(&cli_explain);
	for (int i = 1; i < argc; i++) {
		if (i > 1)
			buf_add_char(&text, ' ');
		buf_add_c(&text, argv[i]);
	}
	if (text.full) {
		buf_done(&text);
		return cli_fail(EX_DATAERR, argv[0], "the text is too long");
	}
	if (!smtp_numbers_find(buf_str(&text), &n)) {
		buf_done(&text);
		return cli_fail(EX_DATAERR, argv[0],
			"there is neither a reply code such as 550 nor a status such as 5.1.1 in it");
	}
	add_numbers(&b, &n);
	if ((n.code ? n.code / 100 : n.status.p[0] - '0') >= 4)
		add_cases(&b, &n, buf_str(&text));
	add_id(&b, buf_str(&text));
	status = cli_write(argv[0], &b);
	buf_done(&b);
	buf_done(&text);
	return status;
}

const struct cli_verb cli_explain = { "explain", "CODE | LINE-OF-A-BOUNCE",
	"what an SMTP reply means, when this server gives it, and what can be done", run_explain };
