#include "cli/manual.h"

#include "conf/conf.h"

/* Text for a macro line or a text line: no backslash of its own, no request at the start of a line. */
static void
add_escaped(struct buf *b, str text)
{
	if (text.n && (text.p[0] == '.' || text.p[0] == '\''))
		buf_add_c(b, "\\&");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\\')
			buf_add_c(b, "\\e");
		else if (text.p[i] == '-')
			buf_add_c(b, "\\-");
		else
			buf_add_char(b, text.p[i]);
}

/* mdoc wants a new line for each new sentence, and none longer than 80 columns. */
static void
add_sentences(struct buf *b, str text)
{
	size_t column = 0;
	bool ended = false;
	str word;

	while (str_take_word(&text, &word)) {
		if (column && (ended || column + 1 + word.n > 76)) {
			buf_add_char(b, '\n');
			column = 0;
		}
		if (column++)
			buf_add_char(b, ' ');
		add_escaped(b, word);
		column += word.n;
		ended = word.p[word.n - 1] == '.';
	}
	buf_add_char(b, '\n');
}

static void
add_param(struct buf *b, struct arena *a, enum conf_id id)
{
	struct conf_origin o;
	const char *listener;
	str want;

	conf_origin(NULL, id, &o);
	buf_printf(b, ".It Va %s No = Ar ", o.name);
	if (o.initial[0]) {
		buf_add_char(b, '"');
		for (const char *p = o.initial; *p; p++)
			buf_add_c(b, *p == '"' ? "\\(dq" : *p == '-' ? "\\-" : (char[]){ *p, 0 });
		buf_add_c(b, "\"\n");
	} else {
		buf_add_c(b, "(empty)\n");
	}
	add_sentences(b, str_c(o.meaning));
	want = conf_expected(a, id);
	if (o.unit[0] && o.type == CONF_INT)
		add_sentences(b, arena_printf(a, "Expected: %.*s (%s).", STR_ARG(want), o.unit));
	else
		add_sentences(b, arena_printf(a, "Expected: %.*s.", STR_ARG(want)));
	if (!o.per_listener)
		return;
	buf_add_c(b, "May be set for one listener.\n");
	for (size_t i = 0; (listener = conf_listener(i)); i++)
		if (conf_listener_initial(listener, id))
			buf_printf(b, "On %s the default is\n.Ql %s .\n", listener,
				conf_listener_initial(listener, id));
}

static const char head[] = ".Dd November 23, 2026\n"
			   ".Dt MAIN.CF 5\n"
			   ".Os\n"
			   ".Sh NAME\n"
			   ".Nm main.cf\n"
			   ".Nd configuration of the mail server postrider\n"
			   ".Sh DESCRIPTION\n"
			   "The file\n"
			   ".Nm\n"
			   "has the syntax of Postfix's file of that name,\n"
			   "and its names where the meaning is the same.\n"
			   ".Bl -bullet\n"
			   ".It\n"
			   "A line is\n"
			   ".Ar name No = Ar value .\n"
			   "It goes on in the lines below it that begin with white space.\n"
			   ".It\n"
			   "Empty lines and lines whose first character other than white space is\n"
			   ".Ql #\n"
			   "are comments, also between the lines of one value.\n"
			   "Behind a value there are no comments.\n"
			   ".It\n"
			   ".Li $name , ${name}\n"
			   "and\n"
			   ".Li $(name)\n"
			   "stand for the value of another parameter,\n"
			   ".Li $$\n"
			   "for a dollar sign.\n"
			   ".It\n"
			   ".Li ${name?text}\n"
			   "is the text when the value of name is not empty,\n"
			   ".Li ${name:text}\n"
			   "when it is empty;\n"
			   ".Li ${name?{text}:{other}}\n"
			   "chooses.\n"
			   ".Li \"${{text} == {text} ? {text} : {other}}\"\n"
			   "compares, also with\n"
			   ".Li \"!= < <= > >=\" ;\n"
			   "numbers as numbers, and as\n"
			   ".Li \">=level\"\n"
			   "and so on versions such as 3.6.\n"
			   ".It\n"
			   "The items of a list are separated by commas or white space; braces\n"
			   ".Li \"{ a b }\"\n"
			   "make one item of several words.\n"
			   "In lists of domains and networks,\n"
			   ".Pa /file/name\n"
			   "stands for the items in that file, and\n"
			   ".Li !item\n"
			   "says no: the first item that fits decides.\n"
			   ".It\n"
			   "Times have the suffixes s, m, h, d, w; sizes k, m, g.\n"
			   ".It\n"
			   "A name that is set twice has its last value, and there is a warning.\n"
			   "A name that nobody knows is an error, unless another value refers to it.\n"
			   ".El\n"
			   ".Pp\n"
			   "Parameters that may be set for one listener are written\n"
			   ".Va submission_NAME\n"
			   "or\n"
			   ".Va submissions_NAME ;\n"
			   "what is so set, and the defaults that a listener has of its own,\n"
			   "outrank the plain\n"
			   ".Va NAME .\n"
			   ".Pp\n"
			   "Names that only Postfix needs are accepted where they have no effect here,\n"
			   "and refused where they would have one;\n"
			   ".Ql postrider config --explain\n"
			   "says which and why.\n";

static const char tail[] = ".Sh TABLES\n"
			   "A lookup table is named\n"
			   ".Ar type : Ns Ar name .\n"
			   "Master reads its text, and again within a second or two when the file changes;\n"
			   "there is no index to build.\n"
			   "A text with a mistake is refused, with its line, and the old content stays.\n"
			   "Lines go on in those below them that begin with white space;\n"
			   ".Ql #\n"
			   "begins a comment line.\n"
			   ".Bl -tag -width Ds\n"
			   ".It Li \"hash: btree: lmdb: cdb: dbm: sdbm: texthash:\\&\"\n"
			   "The file has a key, white space and a value on each line;\n"
			   "for parameters of aliases\n"
			   ".Ql name: value .\n"
			   "Letter case of keys does not matter; the first of two equal keys counts.\n"
			   ".It Li pcre:\\& , Li regexp:\\&\n"
			   ".Li \"/pattern/flags value\" ,\n"
			   ".Li \"!/pattern/flags value\" ,\n"
			   ".Li \"if /pattern/\"\n"
			   "up to\n"
			   ".Li endif ;\n"
			   "the first that fits counts, and\n"
			   ".Li ${1}\n"
			   "stands for what its first group matched.\n"
			   "Letter case does not matter unless flag i is set.\n"
			   "The groups of a regexp: pattern are those of the first way in which it fits,\n"
			   "which need not be the longest.\n"
			   ".It Li cidr:\\&\n"
			   ".Li \"192.0.2.0/24 value\" ,\n"
			   ".Li \"!2001:db8::/32 value\" ,\n"
			   "and\n"
			   ".Li if\n"
			   "up to\n"
			   ".Li endif .\n"
			   ".It Li \"inline:{ key=value { key = some words } }\"\n"
			   "Here and now.\n"
			   ".It Li static:\\& Ns Ar value\n"
			   "The same for all keys.\n"
			   ".It Li \"unionmap:{ type:name ... }\"\n"
			   "What all of them say, with commas between.\n"
			   ".It Li \"pipemap:{ type:name ... }\"\n"
			   "What one says is the next one\\(aqs key.\n"
			   ".It Li \"randmap:{ value ... }\" , Li fail:\\& Ns Ar reason\n"
			   "One of them by chance; an error, for tests.\n"
			   ".El\n"
			   ".Pp\n"
			   "In place of a file may stand its lines in braces:\n"
			   ".Li \"pcre:{ {/^x/ OK} {/y/ REJECT} }\" .\n"
			   ".Li proxy:\\& Ns Ar type : Ns Ar name\n"
			   "is\n"
			   ".Ar type : Ns Ar name .\n"
			   ".Ql postrider table\n"
			   "asks a table and judges its text.\n"
			   ".Sh FILES\n"
			   ".Bl -tag -width Ds\n"
			   ".It Pa /etc/postrider/main.cf\n"
			   "Where the file is looked for.\n"
			   ".El\n"
			   ".Sh EXAMPLES\n"
			   ".Bd -literal -offset indent\n"
			   "myhostname = mail.example.org\n"
			   "mydestination = example.org, localhost\n"
			   "smtpd_tls_chain_files = /etc/ssl/private/mail.example.org.pem\n"
			   "recipient_delimiter = +\n"
			   "# users' own connections may be slower\n"
			   "submission_smtpd_timeout = 10m\n"
			   ".Ed\n"
			   ".Sh SEE ALSO\n"
			   ".Xr postrider 1\n";

void
manual_main_cf(struct buf *ret)
{
	const char *section = "";
	struct arena a = { 0 };

	buf_add_c(ret, head);
	for (int i = 0; i < CONF_IDS; i++) {
		struct conf_origin o;

		conf_origin(NULL, (enum conf_id)i, &o);
		if (strcmp(section, o.section) != 0) {
			buf_printf(ret, "%s.Ss %s\n.Bl -tag -width Ds\n",
				section[0] ? ".El\n" : ".Sh PARAMETERS\n", o.section);
			section = o.section;
		}
		add_param(ret, &a, (enum conf_id)i);
	}
	buf_add_c(ret, ".El\n");
	buf_add_c(ret, tail);
	arena_done(&a);
}
