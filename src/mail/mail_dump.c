/* Prints what the readers of mail/ make of the bytes on standard input, for the corpus tests. Not installed.
 *	mail-dump addr		lines of hexadecimal, each an address without brackets: "ok" or the fault's name for each */
#include "base/base64.h"
#include "base/mem.h"
#include "mail/addr.h"

static void
read_all(struct buf *b)
{
	char piece[4000];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		buf_add(b, str_of(piece, n));
}

static void
dump_addr(str bytes, struct buf *out)
{
	struct arena a = { 0 };
	str path = arena_join(&a, arena_join(&a, S("<"), bytes), S(">"));
	struct addr ad;
	enum fault f;

	f = addr_take_path(&path, false, true, &ad);
	buf_printf(out, "%s\n", f == OK && path.n ? "rest" : f == OK ? "ok" : fault_words(f)->name);
	arena_done(&a);
}

static const struct {
	const char *name;
	void (*dump)(str bytes, struct buf *out);
} verbs[] = {
	{ "addr", dump_addr },
};

int
main(int argc, char **argv)
{
	struct buf in = { 0 }, bytes = { 0 }, out = { 0 };
	str rest, line;
	int status = 64;

	read_all(&in);
	rest = buf_str(&in);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (argc != 2 || strcmp(argv[1], verbs[i].name) != 0)
			continue;
		status = 0;
		while (str_take_until(&rest, '\n', &line)) {
			buf_clear(&bytes);
			if (!hex_decode(line, &bytes))
				status = 65;
			verbs[i].dump(buf_str(&bytes), &out);
		}
		fwrite(out.p, 1, out.n, stdout);
	}
	if (status == 64)
		fprintf(stderr, "usage: mail-dump addr < LINES\n");
	buf_done(&in);
	buf_done(&bytes);
	buf_done(&out);
	return status;
}
