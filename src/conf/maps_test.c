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

T_MAIN(T(keys_and_values_are_read_as_postmap_reads_them), T(aliases_are_read_as_postalias_reads_them),
	T(patterns_are_tried_in_order), T(pcre_has_what_perl_has), T(regexp_has_what_posix_has),
	T(networks_are_tried_in_order), T(tables_can_stand_in_main_cf), T(random_items_all_have_their_turn),
	T(mistakes_are_named_with_their_place), T(warnings_do_not_stop_a_table),
	T(what_is_no_table_is_refused), T(a_pattern_cannot_take_for_ever))
