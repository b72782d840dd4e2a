/* Whatever main.cf says, loading ends; it either reports an error or gives a configuration whose every value is what its
 * type promises, whose texts read as values again, and whose report has no line that a file could forge. */
#include "conf/conf.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files named by lists hold what the input holds. */
static enum fault
read_itself(void *ctx, struct arena *a, const char *path, str *ret)
{
	(void)a;
	if (!strchr(path, 'f'))
		return NOT_FOUND;
	*ret = str_sub(*(str *)ctx, 0, 4096);
	return OK;
}

static void
check_report(str report)
{
	str line;

	assert(report.n == 0 || report.p[report.n - 1] == '\n');
	while (str_take_until(&report, '\n', &line))
		assert(!str_has_ctl(line) && line.n < 2000);
}

static void
check_values(const struct conf *c)
{
	for (int i = 0; i < CONF_IDS; i++) {
		enum conf_id id = (enum conf_id)i;
		struct conf_origin o;
		size_t n;

		conf_origin(c, id, &o);
		assert(o.text.p && o.text.p[o.text.n] == 0);
		switch (o.type) {
		case CONF_STRING:
			assert(!str_has_ctl(conf_str(c, id)) && strlen(conf_path(c, id)) == o.text.n);
			break;
		case CONF_BOOL: (void)conf_bool(c, id); break;
		case CONF_LIST:
			for (const str *items = conf_list(c, id, &n); n; n--, items++)
				assert(items->n && !str_has_ctl(*items));
			if (strcmp(o.words, "domains") == 0)
				(void)conf_has_domain(c, id, S("a.test"));
			break;
		default: assert(conf_int(c, id) >= 0);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = str_of(data, size);
	struct conf_source source = {
		.file = "main.cf", .text = text, .machine = S("mx.a.test"), .read = read_itself, .ctx = &text
	};
	struct buf report = { 0 };
	struct conf *c = NULL;
	const char *listener;

	if (conf_parse(&source, &report, &c) == OK) {
		assert(str_find_str(buf_str(&report), S(": error: ")) == report.n ||
			str_find_str(text, S("error")) < text.n);
		check_values(c);
		for (size_t i = 0; (listener = conf_listener(i)); i++)
			check_values(conf_for(c, listener));
		conf_free(c);
	} else {
		assert(!c && report.n);
	}
	check_report(buf_str(&report));
	buf_done(&report);
	return 0;
}
