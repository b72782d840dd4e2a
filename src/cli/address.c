/* cli/address.c - postrider address: what becomes of an address, step by step, and which table decided */
#include "cli/words.h"

#include "base/mem.h"
#include "conf/maps.h"
#include "people/text.h"

#include <stdio.h>

static const char verb[] = "address";

struct asking {
	struct house *h;
	const struct conf *conf;
	struct arena arena;
	struct buf out;
};

/* ---- what the store knows ---- */

static enum fault
look(struct store_view *v, struct arena *a, const struct resolve_ask *ask, struct resolve_fact *ret)
{
	struct store_account u;
	struct store_mailbox m;
	uint32_t at = 0;
	str *targets = NULL;
	enum fault f;

	*ret = (struct resolve_fact){ .address = S("") };
	f = ask->address.n ? view_alias(v, a, ask->address, &targets, &ret->target_count) : NOT_FOUND;
	ret->has_alias = f == OK;
	ret->targets = targets;
	if (f != OK && f != NOT_FOUND)
		return f;
	if (ask->address.n && ask->address.p[0] == '@') {
		f = view_domain(v, str_from(ask->address, 1));
		ret->domain = f == OK;
		return f == NOT_FOUND ? OK : f;
	}
	f = ask->address.n ? view_account_by_address(v, ask->address, &u) : view_next_account(v, &at, &u);
	if (f != OK)
		return f == NOT_FOUND ? OK : f;
	ret->account = u.id;
	ret->address = arena_str(a, u.address);
	if (u.disabled)
		ret->fault = MAILBOX_DISABLED;
	else if (u.quota_bytes && u.used_bytes >= u.quota_bytes)
		ret->fault = OVER_QUOTA;
	if (ask->extension.n && view_mailbox_by_name(v, u.id, ask->extension, &m) == OK)
		ret->mailbox = m.id;
	return OK;
}

static enum fault
ask_house(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n, struct resolve_fact *ret)
{
	struct asking *q = ctx;
	struct store_view *v = house_view(q->h);

	if (!v)
		return STORE_DOWN;
	for (size_t i = 0; i < n; i++)
		TRY(look(v, a, &asks[i], &ret[i]));
	return OK;
}

/* ---- which table, and where ---- */

/* The line of a file whose first word is the key; 0: none. */
static int
find_line(const char *path, str key)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int number = 0, found = 0;

	while (f && !found && (n = getline(&line, &room, f)) >= 0) {
		str rest = str_of(line, (size_t)n), word;

		number++;
		if (rest.n == 0 || rest.p[0] == '#' || ascii_space(rest.p[0]) || !str_take_word(&rest, &word))
			continue;
		word = str_trim(word);
		if (str_eq_nocase(word, key) ||
			(str_ends(word, S(":")) && str_eq_nocase(str_sub(word, 0, word.n - 1), key)))
			found = number;
	}
	free(line);
	if (f)
		(void)fclose(f);
	return found;
}

/* " (hash:/etc/aliases, line 7)" for the first of the parameter's tables that has the key. */
static void
say_place(struct asking *q, enum resolve_table table, str key)
{
	size_t at = str_rfind(key, '@'), tables = conf_tables(q->conf), count;
	str delimiter = conf_str(q->conf, CONF_recipient_delimiter), local = str_sub(key, 0, at);
	size_t bare = maps_extension(local, delimiter);
	str forms[] = { key, arena_join(&q->arena, str_sub(local, 0, bare), str_from(key, at)), local,
		str_sub(local, 0, bare), str_from(key, at) };
	enum conf_id id;
	const str *specs;

	if (conf_find(str_c(resolve_table_name(table)), &id) != OK)
		return;
	specs = conf_list(q->conf, id, &count);
	for (size_t f = 0; f < COUNT(forms); f++)
		for (size_t i = 0; i < count && forms[f].n; i++)
			for (size_t k = 0; k < tables; k++) {
				struct conf_table t;
				int line;

				conf_table(q->conf, k, &t);
				if (!t.path || !str_ends(specs[i], str_c(t.path)))
					continue;
				line = find_line(t.path, forms[f]);
				if (line) {
					buf_printf(&q->out, " (%s:%d)", t.path, line);
					return;
				}
			}
}

/* ---- the steps ---- */

static void
say(void *ctx, const struct resolve_step *step)
{
	struct asking *q = ctx;
	struct buf *b = &q->out;
	str what = step->address;

	buf_printf(b, "%.*s: ", STR_ARG(what));
	switch (step->what) {
	case STEP_TABLE:
		buf_printf(b, "%s: %.*s", resolve_table_name(step->table), STR_ARG(step->value));
		say_place(q, step->table, step->key);
		break;
	case STEP_NOT_LISTED:
		buf_printf(
			b, "there is an account, but %s does not list it", resolve_table_name(step->table));
		break;
	case STEP_STORE_ALIAS:
		buf_printf(b, "alias %.*s (postrider alias): %.*s", STR_ARG(step->key), STR_ARG(step->value));
		break;
	case STEP_ACCOUNT: buf_printf(b, "account %.*s", STR_ARG(step->value)); break;
	case STEP_ANY:
		buf_printf(b, "postmaster without account or alias: the first account, %.*s",
			STR_ARG(step->value));
		break;
	case STEP_LUSER: buf_printf(b, "nobody has it, so luser_relay: %.*s", STR_ARG(step->value)); break;
	case STEP_LOOP: buf_add_c(b, "a loop: it leads to itself, and is not followed again"); break;
	case STEP_REFUSED: buf_add_c(b, fault_words(step->fault)->text); break;
	}
	if ((step->what == STEP_ACCOUNT || step->what == STEP_ANY) && step->fault != OK)
		buf_printf(b, ", now: %s", fault_words(step->fault)->text);
	buf_add_char(b, '\n');
}

static void
say_member(struct asking *q, const struct resolved *m)
{
	struct store_view *v = house_view(q->h);
	struct store_mailbox box;

	buf_printf(&q->out, "=> %.*s", STR_ARG(m->address));
	if (m->mailbox && v && view_mailbox(v, m->account, m->mailbox, &box) == OK)
		buf_printf(&q->out, ", mailbox %.*s", STR_ARG(box.name));
	if (m->sender.n)
		buf_printf(&q->out, ", sent by %.*s", STR_ARG(m->sender));
	if (m->fault != OK)
		buf_printf(&q->out, ": %d %s %s", fault_words(m->fault)->smtp, fault_words(m->fault)->status,
			fault_words(m->fault)->text);
	buf_add_char(&q->out, '\n');
}

static int
explain(struct asking *q, const struct addr *ad)
{
	struct people_text *text = people_text_new(q->conf);
	struct resolve_tables t;
	struct resolution r;
	enum fault f;
	int status = EX_OK;

	people_text_fill(text, &t);
	t.ctx = q;
	t.ask = ask_house;
	t.tell = say;
	f = people_resolve(&q->arena, &t, ad, &r);
	for (size_t i = 0; i < r.n; i++)
		say_member(q, &r.list[i]);
	if (f != OK) {
		const struct fault_words *w = fault_words(f);

		buf_printf(&q->out, "=> refused: %d %s %s%s%.*s\n", w->smtp, w->status, w->text,
			r.why.n ? ": " : "", STR_ARG(r.why));
		status = fault_is_temporary(f) ? EX_TEMPFAIL : EX_NOUSER;
	}
	people_text_free(text);
	return status;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	struct asking q = { 0 };
	struct addr ad = { 0 };
	int status = EX_OK, written;

	if (argc != 2)
		return cli_usage(&cli_address);
	if (str_eq_nocase(str_c(argv[1]), S("postmaster")))
		ad = (struct addr){ S("postmaster"), S(""), false };
	else if (addr_parse(str_c(argv[1]), &ad) != OK)
		return cli_fail(EX_DATAERR, verb, "`%s' is no address, such as ann@example.org", argv[1]);
	status = house_open(cli, verb, HOUSE_READ, &q.h);
	if (status == EX_OK) {
		q.conf = house_conf(q.h);
		status = explain(&q, &ad);
		written = cli_write(verb, &q.out);
		status = written == EX_OK ? status : written;
	}
	buf_done(&q.out);
	status = house_close(q.h, status);
	arena_done(&q.arena);
	return status;
}

const struct cli_verb cli_address = { verb, "ADDRESS",
	"what becomes of mail for an address, step by step, with the table that decided", run };
