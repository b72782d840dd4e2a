#include "conf/master_cf.h"

#include "base/mem.h"

static const str types[] = { SC("inet"), SC("unix"), SC("unix-dgram"), SC("fifo"), SC("pass") };

static bool
is_type(str word)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq(word, types[i]))
			return true;
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t'; /* as str_take_word */
}

/* Where the group that begins s ends, behind its brace; 0: nowhere. */
static size_t
group_end(str s)
{
	size_t level = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '{')
			level++;
		else if (s.p[i] == '}' && --level == 0)
			return i + 1;
	}
	return 0;
}

/* The next argument: a word, or a group without its braces. False: none left, or *ret_broken. */
static bool
take_argument(str *s, str *ret, bool *ret_group, bool *ret_broken)
{
	size_t n = 0;

	while (s->n && is_blank(s->p[0]))
		*s = str_from(*s, 1);
	*ret_group = s->n && s->p[0] == '{';
	if (s->n == 0)
		return false;
	if (*ret_group) {
		n = group_end(*s);
		*ret_broken = n == 0 || (n < s->n && !is_blank(s->p[n]));
		if (*ret_broken)
			return false;
		*ret = str_trim(str_sub(*s, 1, n - 2));
	} else {
		while (n < s->n && !is_blank(s->p[n]))
			n++;
		*ret = str_sub(*s, 0, n);
	}
	*s = str_from(*s, n);
	return true;
}

/* "name=value"; in a group there may be white space around the equals sign. */
static bool
parse_option(str text, struct master_option *ret)
{
	size_t equals = str_find(text, '=');

	if (equals == text.n)
		return false;
	ret->name = str_trim(str_sub(text, 0, equals));
	ret->value = str_trim(str_from(text, equals + 1));
	if (ret->name.n == 0)
		return false;
	for (size_t i = 0; i < ret->name.n; i++)
		if (!ascii_alnum(ret->name.p[i]) && ret->name.p[i] != '_')
			return false;
	return true;
}

/* The arguments; pipe(8)'s argv= takes all that follows, whatever it looks like. */
static const char *
take_arguments(str rest, struct master_service *s)
{
	bool group, broken = false, command = false;
	str word;

	while (take_argument(&rest, &word, &group, &broken)) {
		if (s->option_count + s->argument_count == MASTER_ARGUMENTS)
			return "too many arguments";
		if (command || group || !str_starts(word, S("-o"))) {
			command |= str_starts(word, S("argv="));
			s->arguments[s->argument_count++] = word;
			continue;
		}
		word = str_from(word, 2);
		if (word.n == 0 && !take_argument(&rest, &word, &group, &broken))
			return broken ? "`{` and `}` do not match" : "nothing follows -o";
		if (!parse_option(word, &s->options[s->option_count]))
			return "-o wants name=value";
		s->option_count++;
	}
	return broken ? "`{` and `}` do not match" : NULL;
}

static size_t
count_words(str s)
{
	size_t n = 0;
	str word;

	while (str_take_word(&s, &word))
		n++;
	return n;
}

enum fault
master_service_parse(struct arena *a, str line, struct master_service *ret, const char **ret_why)
{
	struct master_service s = { 0 };
	str *const columns[] = { &s.name, &s.type, &s.private, &s.unprivileged, &s.chroot, &s.wakeup,
		&s.most_processes, &s.program };
	size_t most;

	for (size_t i = 0; i < COUNT(columns); i++)
		if (!str_take_word(&line, columns[i])) {
			*ret_why = "a service has eight columns: service type private unpriv chroot wakeup "
				   "maxproc command";
			return BAD_ARGUMENT;
		}
	if (!is_type(s.type)) {
		*ret_why = "the type of a service is inet, unix, unix-dgram, fifo or pass";
		return BAD_ARGUMENT;
	}
	most = MIN(count_words(line), MASTER_ARGUMENTS);
	s.options = ARENA_ARRAY(a, most, struct master_option);
	s.arguments = ARENA_ARRAY(a, most, str);
	*ret_why = take_arguments(line, &s);
	if (*ret_why)
		return BAD_ARGUMENT;
	*ret = s;
	return OK;
}

bool
master_looks_like(str line)
{
	str name, type;

	return str_take_word(&line, &name) && str_find(name, '=') == name.n && str_take_word(&line, &type) &&
	       is_type(type);
}

bool
master_option(const struct master_service *s, const char *name, str *ret_value)
{
	for (size_t i = s->option_count; i-- > 0;)
		if (str_eq(s->options[i].name, str_c(name))) {
			*ret_value = s->options[i].value;
			return true;
		}
	return false;
}
