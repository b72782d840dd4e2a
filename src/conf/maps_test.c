#include "conf/maps.h"

#include "base/mem.h"
#include "conf/maps_inside.h"
#include "test/t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of its own with this text; its path. */
static const char *
file_with(str text)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/maps-test-XXXXXX", P_tmpdir);
	fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && close(fd) == 0);
	return path;
}

/* What a table says: "value", or the fault's name in angle brackets. */
static str
ask(struct arena *a, const struct maps *m, const char *key, bool whole)
{
	str value = S("not written");
	enum fault fault = maps_find(m, a, str_c(key), whole, &value);

	return fault == OK ? value : arena_printf(a, "<%s>", fault_words(fault)->name);
}

static void
check_answer(const char *spec, bool aliases, const char *key, bool whole, const char *want)
{
	struct buf report = { 0 };
	struct arena a = { 0 };
	struct maps_one one;
	str got;

	if (maps_one_open(&one, "main.cf", str_c(spec), aliases, &report) != OK) {
		print_error("%s: %.*s", spec, STR_ARG(buf_str(&report)));
		t_fail(__FILE__, __LINE__, "maps_one_open");
	}
	got = ask(&a, one.maps, key, whole);
	if (!str_eq(got, str_c(want)))
		print_error("%s: `%s`\n", spec, key);
	CHECK_C(got, want);
	maps_one_close(&one);
	buf_done(&report);
	arena_done(&a);
}

struct answer {
	const char *text, *key, *want;
};

static void
check_file(const char *type, bool aliases, const struct answer *c)
{
	char spec[100];

	snprintf(spec, sizeof(spec), "%s:%s", type, file_with(str_c(c->text)));
	check_answer(spec, aliases, c->key, true, c->want);
	CHECK(unlink(strrchr(spec, ':') + 1) == 0);
}

#define NO   "<NOT_FOUND>"
#define DOWN "<TABLE_DOWN>"

static void
keys_and_values_are_read_as_postmap_reads_them(void **state)
{
	static const struct answer cases[] = {
		{ "a b", "a", "b" },
		{ "a b\n", "b", NO },
		{ "# c d\n\n  \n # x\na\tb c  d \t\n", "a", "b c  d" },
		{ "# c d\na b\n", "#", NO },
		{ "a b\n c\n", "a", "b c" },
		{ "a b\n# comment\n\n\tc\nd e\n", "a", "b\tc" },
		{ "a\n b\n", "a", "b" },
		{ "a b\r\nc d\r\n", "a", "b" },
		{ "a b\r\n c\r\nd e", "a", "b c" },
		{ "Ann@Example.ORG Ben\n", "ann@example.org", "Ben" },
		{ "Ann@Example.ORG Ben\n", "ANN@example.org", "Ben" },
		{ "\"a b\"@x c d\n", "\"a b\"@x", "c d" },
		{ "\"a\\\" b\" c\n", "\"a\\\" b\"", "c" },
		{ "a\\ b c\n", "a\\ b", "c" },
		{ "a b\na c\n", "a", "b" },
		{ "\xc3\x84pfel x\n", "\xc3\xa4PFEL", "x" },
		{ "a \xc3\x84\n", "a", "\xc3\x84" },
		{ "@x y\n", "@x", "y" },
		{ "a b # c\n", "a", "b # c" },
		{ "", "a", NO },
		{ "# only this", "a", NO },
		{ "a b", "", NO },
	};

	(void)state;
	EACH(cases, c)
		check_file("texthash", false, c);
	check_file("hash", false, &cases[0]);
	check_file("btree", false, &cases[0]);
	check_file("proxy:lmdb", false, &cases[0]);
}

static void
aliases_are_read_as_postalias_reads_them(void **state)
{
	static const struct answer cases[] = {
		{ "root: ann", "root", "ann" },
		{ "Root : ann, ben\n", "ROOT", "ann, ben" },
		{ "a: b,\n c,\n# comment\n\td\n", "a", "b, c,\td" },
		{ "list: :include:/etc/list\n", "list", ":include:/etc/list" },
		{ "\"a b\": c\n", "a b", "c" },
		{ "\"a:b\" : c\n", "a:b", "c" },
		{ "\"a\\\"b\": c\n", "a\"b", "c" },
		{ "p: \"|/bin/x y\"\n", "p", "\"|/bin/x y\"" },
		{ "a: /var/x\n", "a", "/var/x" },
		{ "a: b:c\n", "a", "b:c" },
		{ "a: b\na: c\n", "a", "b" },
	};

	(void)state;
	EACH(cases, c)
		check_file("hash", true, c);
}

static void
patterns_are_tried_in_order(void **state)
{
	static const struct answer cases[] = {
		{ "/a/ x", "bab", "x" },
		{ "/^a$/ x", "A", "x" },
		{ "/^a$/i x", "A", NO },
		{ "/a/ x\n/./ y", "b", "y" },
		{ "!/a/ x", "b", "x" },
		{ "!/a/ x", "a", NO },
		{ "!!/a/ x", "a", "x" },
		{ "/^(.*)@(x|y)$/ $2-${1}$(1)", "ann@y", "y-annann" },
		{ "/(a)(b)?/ [$2]", "ac", "[]" },
		{ "/a/ $$1", "a", "$1" },
		{ "/a/ $$", "a", "$" },
		{ "/(a)/ x$1", "A", "xA" },
		{ "|a/b| x", "a/b", "x" },
		{ "/a\\/b/ x", "a/b", "x" },
		{ "if /^a/\n/b/ x\nendif\n/b/ y", "ab", "x" },
		{ "if /^a/\n/b/ x\nendif\n/b/ y", "cb", "y" },
		{ "if !/^a/\n/b/ x\nendif\n/b/ y", "cb", "x" },
		{ "IF /a/\nif /b/\n/c/ 1\nendif\n/d/ 2\nEndIf\n/./ 3", "abc", "1" },
		{ "IF /a/\nif /b/\n/c/ 1\nendif\n/d/ 2\nEndIf\n/./ 3", "ad", "2" },
		{ "IF /a/\nif /b/\n/c/ 1\nendif\n/d/ 2\nEndIf\n/./ 3", "abe", "3" },
		{ "/a/\n x", "a", "x" },
		{ "/a\n\tb/ x", "a\tb", "x" },
		{ "/a/ x  y ", "a", "x  y" },
		{ "//  x", "a", "x" },
		{ "/[[:digit:]]{2,}/ x", "a12", "x" },
		{ "/^.{3}$/ x", "abc", "x" },
		{ "/a.b/ x", "a\nb", "x" },
		{ "/^b$/ x", "a\nb", NO },
		{ "/^b$/m x", "a\nb", "x" },
		{ "/\xc3\xa4/ x", "\xc3\x84", "x" },
		{ "/a/ x",
			"\xff"
			"a",
			"x" },
	};

	(void)state;
	EACH(cases, c) {
		check_file("pcre", false, c);
		check_file("regexp", false, c);
	}
}

static void
pcre_has_what_perl_has(void **state)
{
	static const struct answer cases[] = {
		{ "/^\\d+$/ x", "123", "x" },
		{ "/a(?=b)/ x", "ab", "x" },
		{ "/a(?:b)(c)/ $1", "abc", "c" },
		{ "/a b/x x", "ab", "x" },
		{ "/a.b/s x", "a\nb", NO },
		{ "/a$/ x", "a\n", "x" },
		{ "/a$/E x", "a\n", NO },
		{ "/a/A x", "ba", NO },
		{ "/(a+)/U $1", "aaa", "a" },
		{ "/(.+?)b/ $1", "aab", "aa" },
		{ "/(?i)(a)/i $1", "A", "A" },
	};

	(void)state;
	EACH(cases, c)
		check_file("pcre", false, c);
}

/* What glibc's regcomp makes of them. */
static void
regexp_has_what_posix_has(void **state)
{
	static const struct answer cases[] = {
		{ "/^\\w+$/ x", "a_1", "x" },
		{ "/\\<a\\>/ x", "b a c", "x" },
		{ "/\\<a\\>/ x", "bac", NO },
		{ "/^[\\d]$/ x", "\\", "x" },
		{ "/^[]a]+$/ x", "a]", "x" },
		{ "/^[^]a]$/ x", "]", NO },
		{ "/^[a-]$/ x", "-", "x" },
		{ "/^[[:alpha:]_]+$/ x", "a_", "x" },
		{ "/^[[.-.]]$/ x", "-", "x" },
		{ "/^a*?$/ x", "aaa", "x" },
		{ "/^(a*?)b/ <$1>", "aab", "<aa>" },
		{ "/^a*+a$/ x", "aaa", "x" },
		{ "/^a{2}{2}$/ x", "aaaa", "x" },
		{ "/^(ab)\\1$/ x", "abab", "x" },
		{ "/a$/ x", "a\n", NO },
		{ "/a.b/m x", "a\nb", NO },
		{ "/a[^c]b/m x", "a\nb", NO },
		{ "/^a+(b)$/x x", "a+(b)", "x" },
		{ "/^\\(a\\)\\{2\\}*$/x x", "aa", "x" },
		{ "/^*a$/x x", "*a", "x" },
		{ "/a\\|b$/x x", "b", "x" },
		{ "/x^y$z/x x", "x^y$z", "x" },
		{ "/^#a b$/ x", "#a b", "x" },
	};

	(void)state;
	EACH(cases, c)
		check_file("regexp", false, c);
}

static void
networks_are_tried_in_order(void **state)
{
	static const struct answer cases[] = {
		{ "192.0.2.0/24 x", "192.0.2.7", "x" },
		{ "192.0.2.0/24 x", "192.0.3.7", NO },
		{ "192.0.2.1 one\n192.0.2.0/24 x", "192.0.2.1", "one" },
		{ "0.0.0.0/0 x", "1.2.3.4", "x" },
		{ "0.0.0.0/0 x", "::1", NO },
		{ "::/0 x", "::1", "x" },
		{ "2001:db8::/32 x y", "2001:DB8::9", "x y" },
		{ "[2001:db8::]/32 x", "2001:db8::9", "x" },
		{ "!10.0.0.0/8 x", "192.0.2.1", "x" },
		{ "!10.0.0.0/8 x", "10.1.2.3", NO },
		{ "!10.0.0.0/8 x", "::1", NO },
		{ "if 10.0.0.0/8\n10.1.0.0/16 x\nendif\n10.0.0.0/8 y", "10.1.1.1", "x" },
		{ "if 10.0.0.0/8\n10.1.0.0/16 x\nendif\n10.0.0.0/8 y", "10.2.1.1", "y" },
		{ "if !10.0.0.0/8\n0.0.0.0/0 x\nendif\n0.0.0.0/0 y", "10.2.1.1", "y" },
		{ "10.0.0.0/8 x", "example.org", NO },
		{ "10.0.0.0/8 x", "10.0.0.0/8", NO },
		{ "192.0.2.0/24 x", "::ffff:192.0.2.1", "x" },
	};

	(void)state;
	EACH(cases, c)
		check_file("cidr", false, c);
}

static void
tables_can_stand_in_main_cf(void **state)
{
	static const struct {
		const char *spec, *key;
		bool whole;
		const char *want;
	} cases[] = {
		{ "static:OK", "x", true, "OK" },
		{ "static:OK", "x", false, "OK" },
		{ "static:{ 550 go away }", "x", true, "550 go away" },
		{ "inline:{ a=b, C=d }", "c", true, "d" },
		{ "inline:{ a=b { C = d e } }", "c", true, "d e" },
		{ "inline:{ {a=b=c} }", "a", false, "b=c" },
		{ "pcre:{ {/^a$/ x y} {/b/ z} }", "a", true, "x y" },
		{ "pcre:{ {/^a$/ x y}, {/b/ z} }", "b", true, "z" },
		{ "pcre:{ {/^a$/ x} }", "a", false, NO },
		{ "regexp:{ {/^a{2}$/ x} }", "aa", true, "x" },
		{ "cidr:{ {10.0.0.0/8 x} }", "10.0.0.1", true, "x" },
		{ "cidr:{ {10.0.0.0/8 x} }", "10.0.0.1", false, NO },
		{ "texthash:{ {a b c} {d e} }", "a", true, "b c" },
		{ "unionmap:{ static:a, inline:{ k=b }, static:c }", "k", true, "a,b,c" },
		{ "unionmap:{ inline:{ k=b } }", "x", true, NO },
		{ "unionmap:{ inline:{ k=b } pcre:{ {/./ x} } }", "k", false, "b" },
		{ "pipemap:{ inline:{ a=b } inline:{ b=c } }", "a", true, "c" },
		{ "pipemap:{ inline:{ a=b } inline:{ x=c } }", "a", true, NO },
		{ "pipemap:{ inline:{ a=b } pcre:{ {/b/ c} } }", "a", false, "c" },
		{ "pipemap:{ pcre:{ {/a/ b} } static:c }", "a", false, NO },
		{ "randmap:{ x }", "a", true, "x" },
		{ "randmap:{ x }", "a", false, NO },
		{ "fail:sorry", "a", true, DOWN },
		{ "fail:sorry", "a", false, NO },
		{ "unionmap:{ static:a fail:b }", "a", true, DOWN },
		{ "proxy:static:OK", "a", true, "OK" },
		{ "proxy:unionmap:{ proxy:static:OK }", "a", true, "OK" },
	};

	(void)state;
	EACH(cases, c)
		check_answer(c->spec, false, c->key, c->whole, c->want);
}

static void
random_items_all_have_their_turn(void **state)
{
	struct buf report = { 0 };
	struct arena a = { 0 };
	struct maps_one one;
	size_t seen[3] = { 0 };

	(void)state;
	CHECK(maps_one_open(&one, "main.cf", S("randmap:{ 0 1 2 }"), false, &report) == OK);
	for (int i = 0; i < 300; i++)
		seen[ask(&a, one.maps, "key", true).p[0] - '0']++;
	for (size_t i = 0; i < 3; i++)
		CHECK(seen[i] > 50);
	maps_one_close(&one);
	arena_done(&a);
}

/* Each finding is the whole report; FILE stands for the table's. */
static void
mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *type, *text;
		bool aliases;
		const char *report;
	} cases[] = {
		{ "hash", "a b\nc\n", false, "FILE:2: error: expected a key, white space and a value\n" },
		{ "hash", " a b\n", false,
			"FILE:1: error: white space at the start of a line continues the "
			"one before, but there is none\n" },
		{ "hash", "\"a b c\n", false, "FILE:1: error: a quotation mark is not closed\n" },
		{ "hash", "a b\n\nx \x01\n", false, "FILE:3: error: control character (byte 1)\n" },
		{ "hash", "a \xff\n", false, "FILE:1: error: the line is not UTF-8\n" },
		{ "hash", "a: b\n", true, "" },
		{ "hash", "a b\n", true, "FILE:1: error: expected `name: value`\n" },
		{ "hash", "a:\n", true, "FILE:1: error: expected `name: value`\n" },
		{ "hash", ": b\n", true, "FILE:1: error: expected `name: value`\n" },
		{ "hash", "\"a b: c\n", true, "FILE:1: error: a quotation mark is not closed\n" },
		{ "hash", "a@x: b\n", true,
			"FILE:1: error: an alias is a name without @domain; addresses go "
			"into virtual_alias_maps\n" },
		{ "pcre", "/a/ x\n/(/ y\n", false,
			"FILE:2: error: missing closing parenthesis, in the pattern "
			"`(` at 1\n" },
		{ "pcre", "a x\n", false, "FILE:1: error: expected a pattern between slashes: `a x`\n" },
		{ "pcre", "/a x\n", false, "FILE:1: error: the end of the pattern is missing: `/a x`\n" },
		{ "pcre", "/a/q x\n", false, "FILE:1: error: unknown flag behind the pattern: `q x`\n" },
		{ "pcre", "/a/\n", false, "FILE:1: error: expected a result behind the pattern\n" },
		{ "pcre", "/(a)/ $2\n", false,
			"FILE:1: error: `$2`: expected the number of a group, ${1} to "
			"${1}; write $$ for a dollar sign\n" },
		{ "pcre", "!/(a)/ $1\n", false,
			"FILE:1: error: a rule that begins with `!` has nothing to put "
			"in place of $: `1`\n" },
		{ "pcre", "/a/ x$\n", false,
			"FILE:1: error: `$`: expected the number of a group, ${1} to "
			"${0}; write $$ for a dollar sign\n" },
		{ "pcre", "if /a/\n/b/ x\n", false, "FILE:1: error: `if` without `endif`\n" },
		{ "pcre", "/b/ x\nendif\n", false, "FILE:2: error: `endif` without `if`\n" },
		{ "regexp", "/a**/ x\n/*/ y\n", false,
			"FILE:2: error: a repeat with nothing before it to "
			"repeat, in the pattern `*`\n" },
		{ "regexp", "/(?:a)/ y\n", false,
			"FILE:1: error: a repeat with nothing before it to repeat, in "
			"the pattern `(?:a)`\n" },
		{ "regexp", "/\\d/ y\n", false,
			"FILE:1: error: a backslash before a letter or digit that has no "
			"meaning in regexp: (\\d is pcre:'s; write [0-9]), in the pattern "
			"`\\d`\n" },
		{ "regexp", "/a)/ y\n", false, "FILE:1: error: `)` without `(`, in the pattern `a)`\n" },
		{ "regexp", "/[a/ y\n", false,
			"FILE:1: error: a bracket is not closed, in the pattern `[a`\n" },
		{ "cidr", "10.0.0.1/8 x\n", false,
			"FILE:1: error: bits beyond the network's length in `10.0.0.1/8`\n" },
		{ "cidr", "10.0.0.0/33 x\n", false,
			"FILE:1: error: `10.0.0.0/33` is no network such as "
			"192.0.2.0/24 or 2001:db8::/32\n" },
		{ "cidr", "10.0.0.0/8\n", false, "FILE:1: error: expected a result behind the network\n" },
		{ "cidr", "if 10.0.0.0/8\n", false, "FILE:1: error: `if` without `endif`\n" },
	};

	(void)state;
	EACH(cases, c) {
		const char *path = file_with(str_c(c->text));
		struct buf report = { 0 }, want = { 0 };
		struct arena a = { 0 };
		struct maps_one one;
		str rest = str_c(c->report);

		if (str_take(&rest, S("FILE")))
			buf_add_c(&want, path);
		buf_add(&want, rest);
		if (maps_one_open(&one, "main.cf", arena_printf(&a, "%s:%s", c->type, path), c->aliases,
			    &report) == OK) {
			CHECK(rest.n == 0);
			maps_one_close(&one);
		} else {
			CHECK(rest.n > 0);
		}
		CHECK_STR(buf_str(&report), buf_str(&want));
		CHECK(unlink(path) == 0);
		buf_done(&report);
		buf_done(&want);
		arena_done(&a);
	}
}

static void
warnings_do_not_stop_a_table(void **state)
{
	static const struct {
		const char *spec, *report;
	} cases[] = {
		{ "texthash:{ {a b} {A c} }",
			"main.cf: warning: `a` stands there twice; the first counts\n" },
		{ "inline:{ a=b a=c }", "main.cf: warning: `a` stands there twice; the first counts\n" },
		{ "texthash:{ {a: b} }",
			"main.cf: warning: the key ends in a colon: aliases are `name: value`, "
			"but this is not a table of aliases\n" },
		{ "pcre:{ {if /a/ x} {endif} }",
			"main.cf: warning: what follows the pattern of `if` has no effect\n" },
	};

	(void)state;
	EACH(cases, c) {
		struct buf report = { 0 };
		struct maps_one one;

		CHECK(maps_one_open(&one, "main.cf", str_c(c->spec), false, &report) == OK);
		CHECK_C(buf_str(&report), c->report);
		maps_one_close(&one);
		buf_done(&report);
	}
}

static void
what_is_no_table_is_refused(void **state)
{
	static const struct {
		const char *spec, *report;
	} cases[] = {
		{ "mysql:/x", "main.cf: error: table: mysql: is not supported: tables over a network are not "
			      "supported yet\n" },
		{ "unix:passwd.byname",
			"main.cf: error: table: unix: is not supported: users of the machine are "
			"no mail users here; write an account or an alias\n" },
		{ "hush:/x",
			"main.cf: error: table: expected a table such as hash:/etc/aliases: `hush:/x`\n" },
		{ "/x", "main.cf: error: table: expected a table such as hash:/etc/aliases: `/x`\n" },
		{ "hash:", "main.cf: error: table: expected the path of a file behind the type: ``\n" },
		{ "hash:/no/such/file", "main.cf: error: /no/such/file: no such file\n" },
		{ "hash:/", "main.cf: error: /: it is not a file\n" },
		{ "static:", "main.cf: error: table: expected a value behind static:: ``\n" },
		{ "inline:{ a }", "main.cf: error: table: expected key=value, or { key = value }: `a`\n" },
		{ "inline:x", "main.cf: error: table: expected `{ ... }` behind the type: `x`\n" },
		{ "unionmap:{ }", "main.cf: error: table: there is nothing between the braces: `{ }`\n" },
		{ "unionmap:{ hush:x }",
			"main.cf: error: table: expected a table such as hash:/etc/aliases: `hush:x`\n" },
		{ "pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{pipemap:{static:x}}}}}}}",
			"main.cf: error: table: tables within tables, too deep: `{pipemap:{static:x}}`\n" },
	};

	(void)state;
	EACH(cases, c) {
		struct buf report = { 0 };
		struct maps_one one;

		CHECK(maps_one_open(&one, "main.cf", str_c(c->spec), false, &report) == BAD_ARGUMENT);
		CHECK_C(buf_str(&report), c->report);
		buf_done(&report);
	}
}

/* Patterns that would take ages give up soon, and say neither yes nor no. */
static void
a_pattern_cannot_take_for_ever(void **state)
{
	static const char *const patterns[] = { "/^(a+)+$/ x", "/^(a|a)*$/ x", "/^(a*)*b?$/ x",
		"/^(.*a){20}$/ x" };
	char key[1001];

	(void)state;
	EACH(patterns, p) {
		struct answer c = { *p, key, DOWN };

		memset(key, 'a', sizeof(key) - 2);
		key[sizeof(key) - 2] = '!';
		key[sizeof(key) - 1] = 0;
		check_file("pcre", false, &c);
		check_file("regexp", false, &c);
	}
}

static struct conf *
load(const char *text, const char *report)
{
	struct conf_source source = { .file = "main.cf", .text = str_c(text), .machine = S("mx.a.test") };
	struct buf findings = { 0 };
	struct conf *c = NULL;

	(void)conf_parse(&source, &findings, &c);
	CHECK_C(buf_str(&findings), report);
	buf_done(&findings);
	return c;
}

static void
an_address_is_found_by_its_forms(void **state)
{
	static const struct {
		const char *table, *address, *delimiter;
		unsigned forms;
		const char *value, *ext;
	} cases[] = {
		{ "inline:{ ann+x@a.test=1 ann@a.test=2 ann=3 @a.test=4 }", "ann+x@a.test", "+", MAPS_ADDRESS,
			"1", "" },
		{ "inline:{ ann@a.test=2 ann+x=3 }", "ann+x@a.test", "+", MAPS_ADDRESS, "2", "+x" },
		{ "inline:{ ann+x=3 ann=4 }", "Ann+x@a.test", "+", MAPS_ADDRESS, "3", "" },
		{ "inline:{ ann=4 @a.test=5 }", "ann+x@a.test", "+", MAPS_ADDRESS, "4", "+x" },
		{ "inline:{ ann=4 @a.test=5 }", "ann@a.test", "+", MAPS_ADDRESS, "4", "" },
		{ "inline:{ @a.test=5 }", "ann+x@a.test", "+", MAPS_ADDRESS, "5", "" },
		{ "inline:{ @a.test=5 }", "ann+x@a.test", "+", MAPS_ADDRESS & ~MAPS_DOMAIN, NO, "" },
		{ "inline:{ ann=4 @a.test=5 }", "ann@a.test", "+", MAPS_FULL | MAPS_DOMAIN, "5", "" },
		{ "inline:{ ann@a.test=2 }", "ann+x@a.test", "", MAPS_ADDRESS, NO, "" },
		{ "inline:{ ann@a.test=2 }", "ann-x+y@a.test", "+-", MAPS_ADDRESS, "2", "-x+y" },
		{ "inline:{ =x@a.test=2 }", "x@a.test", "+", MAPS_FULL, NULL, "" },
		{ "inline:{ mailer@a.test=2 }", "mailer-daemon@a.test", "-", MAPS_ADDRESS, NO, "" },
		{ "inline:{ list@a.test=2 owner@a.test=3 }", "list-request@a.test", "-", MAPS_ADDRESS, NO,
			"" },
		{ "inline:{ ann=4 }", "ann+x", "+", MAPS_ADDRESS, "4", "+x" },
		{ "pcre:{ {/./ 1} }", "ann@a.test", "+", MAPS_ADDRESS, "1", "" },
		{ "pcre:{ {/^ann@/ 1} }", "ann+x@a.test", "+", MAPS_ADDRESS, NO,
			"" }, /* parts are not asked */
		{ "pcre:{ {/^ann$/ 1} }", "ann", "+", MAPS_ADDRESS, "1", "" },
		{ "fail:x", "ann@a.test", "+", MAPS_ADDRESS, DOWN, "" },
	};

	(void)state;
	EACH(cases, c) {
		struct buf report = { 0 };
		struct arena a = { 0 };
		struct maps_one one;
		str value = S(""), ext = S("");
		enum fault fault;

		if (!c->value) { /* an empty key is no table */
			CHECK(maps_one_open(&one, "main.cf", str_c(c->table), false, &report) ==
				BAD_ARGUMENT);
			buf_done(&report);
			continue;
		}
		CHECK(maps_one_open(&one, "main.cf", str_c(c->table), false, &report) == OK);
		fault = maps_find_addr(
			one.maps, &a, str_c(c->address), str_c(c->delimiter), c->forms, &value, &ext);
		if (fault != OK)
			value = arena_printf(&a, "<%s>", fault_words(fault)->name);
		if (!str_eq(value, str_c(c->value)))
			print_error("%s %s\n", c->table, c->address);
		CHECK_C(value, c->value);
		CHECK_C(ext, c->ext);
		maps_one_close(&one);
		buf_done(&report);
		arena_done(&a);
	}
}

static void
lists_of_domains_and_networks_have_tables_among_their_items(void **state)
{
	static const struct {
		const char *domain;
		enum fault found;
	} domains[] = {
		{ "a.test", OK },
		{ "B.TEST", OK },
		{ "x.b.test", TABLE_DOWN }, /* nobody before fail: has it */
		{ "no.test", NOT_FOUND },   /* ! before the table that has it */
		{ "not.test", NOT_FOUND },  /* a table that says no */
		{ "p1.test", OK },
		{ "last.test", TABLE_DOWN },
		{ "never.test", TABLE_DOWN },
		{ "", NOT_FOUND },
	};
	static const struct {
		const char *ip;
		enum fault found;
	} nets[] = { { "10.1.2.3", OK }, { "10.9.0.1", NOT_FOUND }, { "192.0.2.1", OK },
		{ "192.0.2.2", NOT_FOUND }, { "2001:db8::1", OK }, { "2001:db9::1", NOT_FOUND } };
	struct conf *c = load(
		"mydestination = a.test, !no.test, inline:{ b.test=x no.test=x }, !inline:{ not.test=x },\n"
		"  pcre:{ {/^p[0-9]\\.test$$/ x} }, fail:x, last.test\n"
		"mynetworks = !10.9.0.0/16 10.0.0.0/8 inline:{192.0.2.1=x} cidr:{{2001:db8::/32 x}}\n",
		"");

	(void)state;
	EACH(domains, d) {
		CHECK_INT(conf_find_domain(c, CONF_mydestination, str_c(d->domain)), d->found);
		CHECK(conf_has_domain(c, CONF_mydestination, str_c(d->domain)) == (d->found == OK));
	}
	EACH(nets, n) {
		unsigned char ip[16];
		size_t bytes;

		CHECK(ip_parse(str_c(n->ip), ip, &bytes));
		CHECK_INT(conf_find_ip(c, CONF_mynetworks, ip, bytes), n->found);
	}
	conf_free(c);
}

static void
lists_of_subdomains_know_names_below_theirs(void **state)
{
	static const struct {
		const char *domain;
		bool by_dot, by_parent; /* is it found: .name means what is below, or every name does */
	} cases[] = {
		{ "a.test", true, true },
		{ "x.a.test", false, true },
		{ "y.x.a.test", false, true },
		{ "xa.test", false, false },
		{ "b.test", false, false },
		{ "x.b.test", true, false },
		{ "y.x.b.test", true, false },
		{ "c.test", true, true },
		{ "x.c.test", false, true },
		{ "x.d.test", true, false },
		{ "p.test", true, true },
		{ "x.p.test", false, false }, /* patterns are asked whole names */
		{ "test", false, false },
		{ "a.test.", false, false },
		{ "..a.test", false, true },
		{ ".", false, false },
	};
	struct conf *c =
		load("mydestination = a.test, inline:{c.test=x .d.test=x}, pcre:{{/^p\\.test$$/ x}}\n", "");
	struct value *v = (struct value *)&c->views[0]->values[CONF_mydestination];
	str dotted = S(".b.test");

	(void)state;
	table_put(v->set, dotted, &v->items[0]); /* no parameter has such items yet */
	v->subdomains = true;
	for (int parents = 0; parents < 2; parents++) {
		v->parents = parents;
		EACH(cases, d) {
			bool want = parents ? d->by_parent : d->by_dot;

			CHECK(conf_has_domain(c, CONF_mydestination, str_c(d->domain)) == want);
		}
	}
	conf_free(c);
}

static void
parameters_give_their_tables_and_listeners_their_own(void **state)
{
	struct conf *c =
		load("smtpd_discard_ehlo_keyword_address_maps = inline:{ 10.0.0.1=dsn } static:size\n"
		     "submission_smtpd_discard_ehlo_keyword_address_maps =\n",
			"");
	const struct maps *m = conf_maps(c, CONF_smtpd_discard_ehlo_keyword_address_maps);
	struct arena a = { 0 };

	(void)state;
	CHECK(!maps_empty(m));
	CHECK_C(ask(&a, m, "10.0.0.1", true), "dsn");
	CHECK_C(ask(&a, m, "10.0.0.2", true), "size");
	CHECK(maps_empty(conf_maps(conf_for(c, "submission"), CONF_smtpd_discard_ehlo_keyword_address_maps)));
	CHECK_INT(conf_tables(c), 2);
	CHECK(conf_maps_of(c, S("static:size")) != NULL && conf_maps_of(c, S("static:other")) == NULL);
	conf_free(c);
	c = load("smtpd_discard_ehlo_keyword_address_maps = 10.0.0.1",
		"main.cf:1: error: smtpd_discard_ehlo_keyword_address_maps: `10.0.0.1` is not good here; "
		"expected "
		"tables such as hash:/file/name, pcre:/file/name or inline:{ key=value }\n");
	arena_done(&a);
}

/* As master and a role do it, in one process. */
static void
a_table_that_changes_is_handed_over(void **state)
{
	static const char *const types[] = { "hash", "pcre" };
	static const char *const texts[][3] = { { "a 1\n", "a 2\nb 3\n", "a\n" },
		{ "/^a$/ 1\n", "/^a$/ 2\n/^b$/ 3\n", "/(/ x\n" } };
	struct arena a = { 0 };

	(void)state;
	for (size_t t = 0; t < COUNT(types); t++) {
		const char *path = file_with(str_c(texts[t][0]));
		str text =
			arena_printf(&a, "smtpd_discard_ehlo_keyword_address_maps = %s:%s\n", types[t], path);
		struct conf *master = load(arena_cstr(&a, text), ""), *role = load(arena_cstr(&a, text), "");
		const struct maps *of_role = conf_maps(role, CONF_smtpd_discard_ehlo_keyword_address_maps);
		struct buf report = { 0 };
		struct conf_table table;
		int fd = -1, pipes[2];
		FILE *f;

		CHECK_C(ask(&a, of_role, "a", true), DOWN); /* not loaded */
		CHECK(conf_tables_load(master, &report) == OK && conf_tables_load(role, &report) == OK);
		CHECK_C(ask(&a, of_role, "a", true), "1");
		CHECK((f = fopen(path, "w")) && fputs(texts[t][1], f) >= 0 && fclose(f) == 0);
		CHECK(conf_table_reload(master, 0, NULL, &report, &fd) == OK);
		conf_table(master, 0, &table);
		CHECK(table.entries == 2 && table.loaded && strcmp(table.path, path) == 0);
		CHECK(write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0); /* nobody can change it */
		CHECK(conf_table_take(role, 0, fd) == OK);
		CHECK_C(ask(&a, of_role, "a", true), "2");
		CHECK_C(ask(&a, of_role, "b", true), "3");
		CHECK((f = fopen(path, "w")) && fputs(texts[t][2], f) >= 0 && fclose(f) == 0);
		CHECK(report.n == 0);
		CHECK(conf_table_reload(master, 0, NULL, &report, &fd) == BAD_ARGUMENT && report.n);
		CHECK_C(ask(&a, conf_maps(master, CONF_smtpd_discard_ehlo_keyword_address_maps), "b", true),
			"3");
		CHECK(pipe(pipes) == 0 && close(pipes[1]) == 0);
		CHECK(conf_table_take(role, 0, pipes[0]) == MALFORMED);
		CHECK(conf_table_take(role, 7, memfd_create("x", MFD_CLOEXEC)) == MALFORMED);
		CHECK(conf_table_take(role, 0, memfd_create("x", MFD_CLOEXEC)) == MALFORMED); /* not sealed */
		CHECK_C(ask(&a, of_role, "b", true), "3");
		conf_tables_forget(role);
		CHECK_C(ask(&a, of_role, "b", true), DOWN);
		CHECK(unlink(path) == 0);
		buf_done(&report);
		conf_free(master);
		conf_free(role);
	}
	arena_done(&a);
}

T_MAIN(T(keys_and_values_are_read_as_postmap_reads_them), T(aliases_are_read_as_postalias_reads_them),
	T(patterns_are_tried_in_order), T(pcre_has_what_perl_has), T(regexp_has_what_posix_has),
	T(networks_are_tried_in_order), T(tables_can_stand_in_main_cf), T(random_items_all_have_their_turn),
	T(mistakes_are_named_with_their_place), T(warnings_do_not_stop_a_table),
	T(what_is_no_table_is_refused), T(a_pattern_cannot_take_for_ever),
	T(an_address_is_found_by_its_forms), T(lists_of_domains_and_networks_have_tables_among_their_items),
	T(lists_of_subdomains_know_names_below_theirs),
	T(parameters_give_their_tables_and_listeners_their_own), T(a_table_that_changes_is_handed_over))
