/* Input: one octet that seeds the sizes of pieces, then what a peer sends after 354. */
#include "wire/smtp.h"

#include "base/buf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 5321 4.5.2 in its plainest form: the offset behind CRLF.CRLF (the first may be the beginning), 0: none. */
static size_t
plain_end(str in)
{
	size_t at;

	if (str_starts(in, S(".\r\n")))
		return 3;
	at = str_find_str(in, S("\r\n.\r\n"));
	return at < in.n ? at + 5 : 0;
}

/* The whole in pieces of pseudo-random sizes. */
static bool
feed_pieces(str in, uint8_t seed, struct smtp_data *d, struct buf *out, size_t *ret_used)
{
	uint32_t rng = seed | 1u << 16;
	bool ended = false;

	*ret_used = 0;
	smtp_data_init(d);
	while (in.n && !ended) {
		size_t n, used;

		rng = rng * 1664525 + 1013904223;
		n = (rng >> 16) % (seed % 2 ? 4 : 100) + 1;
		ended = smtp_data_feed(d, str_sub(in, 0, n), out, &used);
		*ret_used += used;
		in = str_from(in, used);
	}
	return ended;
}

static void
check_round_trip(str message)
{
	struct buf wire = { 0 }, back = { 0 }, again = { 0 };
	struct smtp_data d;
	size_t used;

	smtp_data_stuff(&wire, message);
	smtp_data_init(&d);
	assert(smtp_data_feed(&d, buf_str(&wire), &back, &used) && used == wire.n);
	assert(!d.bare_cr && !d.bare_lf);
	smtp_data_stuff(&again, buf_str(&back));
	assert(str_eq(buf_str(&again), buf_str(&wire)));
	buf_done(&wire);
	buf_done(&back);
	buf_done(&again);
}

/* What leaves does not depend on how it was cut, and holds no bare CR and LF. */
static void
check_pieces_out(str in, unsigned char seed)
{
	for (int dots = 0; dots < 2; dots++) {
		struct smtp_out whole = { .dots = dots }, pieces = { .dots = dots };
		struct buf w = { 0 }, p = { 0 };
		size_t step = seed % 7 + 1u;

		smtp_out_feed(&whole, &w, in);
		smtp_out_end(&whole, &w);
		for (str rest = in; rest.n; rest = str_from(rest, step))
			smtp_out_feed(&pieces, &p, str_sub(rest, 0, step));
		smtp_out_end(&pieces, &p);
		assert(str_eq(buf_str(&w), buf_str(&p)) && whole.mended == pieces.mended);
		for (size_t i = 0; i < w.n; i++) {
			assert(w.p[i] != '\n' || (i && w.p[i - 1] == '\r'));
			assert(w.p[i] != '\r' || (i + 1 < w.n && w.p[i + 1] == '\n'));
		}
		buf_done(&w);
		buf_done(&p);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_of(data, size);
	struct buf out = { 0 }, out_pieces = { 0 }, stuffed = { 0 };
	struct smtp_data d, d_pieces;
	size_t used, used_pieces;
	bool ended;

	if (size == 0)
		return 0;
	in = str_from(in, 1);
	smtp_data_init(&d);
	ended = smtp_data_feed(&d, in, &out, &used);
	assert(ended == (plain_end(in) != 0) && used == (ended ? plain_end(in) : in.n));
	assert(d.taken == out.n && d.nul == (str_find(buf_str(&out), '\0') < out.n));

	assert(feed_pieces(in, data[0], &d_pieces, &out_pieces, &used_pieces) == ended);
	assert(used == used_pieces && str_eq(buf_str(&out), buf_str(&out_pieces)));
	assert(d.bare_cr == d_pieces.bare_cr && d.bare_lf == d_pieces.bare_lf && d.nul == d_pieces.nul);
	assert(d.taken == d_pieces.taken);

	/* A message without bare CR and LF comes back as it was. */
	if (ended && !d.bare_cr && !d.bare_lf) {
		struct buf back = { 0 };

		smtp_data_stuff(&stuffed, buf_str(&out));
		smtp_data_init(&d);
		assert(smtp_data_feed(&d, buf_str(&stuffed), &back, &used));
		assert(str_eq(buf_str(&back), buf_str(&out)));
		buf_done(&back);
	}
	check_round_trip(in);
	check_pieces_out(in, data[0]);
	buf_done(&out);
	buf_done(&out_pieces);
	buf_done(&stuffed);
	return 0;
}
