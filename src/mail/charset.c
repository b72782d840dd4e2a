#include "mail/charset.h"

#include "base/mem.h"

#include <errno.h>
#include <iconv.h>

/* The labels we know, in lower case without punctuation. ASCII and Latin-1 mean windows-1252, Shift_JIS its Windows superset and so
 * on, as the WHATWG standard has found them to be meant. Charsets whose converters have a history of running off (ISO-2022-CN-EXT,
 * ISO-2022-JP-3) are not here. */
#define OWN_UTF8  "+utf8"
#define OWN_LATIN "+latin"
#define OWN_ASCII "+ascii" /* high bytes are what they look like */

/* clang-format off */
static const struct {
	const char *label;
	const char *iconv_name;
} labels[] = {
	{ "utf8", OWN_UTF8 }, { "unicode11utf8", OWN_UTF8 }, { "xunicode20utf8", OWN_UTF8 }, { "utf8mb4", OWN_UTF8 },
	{ "usascii", OWN_ASCII }, { "ascii", OWN_ASCII }, { "ansix341968", OWN_ASCII }, { "iso646us", OWN_ASCII },
	{ "iso88591", OWN_LATIN }, { "latin1", OWN_LATIN }, { "l1", OWN_LATIN }, { "windows1252", OWN_LATIN },
	{ "cp1252", OWN_LATIN }, { "cp819", OWN_LATIN }, { "csisolatin1", OWN_LATIN }, { "iso885911987", OWN_LATIN },
	{ "xcp1252", OWN_LATIN },
	{ "iso88592", "ISO-8859-2" }, { "latin2", "ISO-8859-2" }, { "csisolatin2", "ISO-8859-2" }, { "iso885921987", "ISO-8859-2" },
	{ "iso88593", "ISO-8859-3" }, { "latin3", "ISO-8859-3" },
	{ "iso88594", "ISO-8859-4" }, { "latin4", "ISO-8859-4" },
	{ "iso88595", "ISO-8859-5" }, { "cyrillic", "ISO-8859-5" },
	{ "iso88596", "ISO-8859-6" }, { "arabic", "ISO-8859-6" }, { "iso88596i", "ISO-8859-6" }, { "iso88596e", "ISO-8859-6" },
	{ "iso88597", "ISO-8859-7" }, { "greek", "ISO-8859-7" }, { "elot928", "ISO-8859-7" },
	{ "iso88598", "ISO-8859-8" }, { "hebrew", "ISO-8859-8" }, { "iso88598i", "ISO-8859-8" }, { "iso88598e", "ISO-8859-8" },
	{ "iso88599", "CP1254" }, { "latin5", "CP1254" }, { "windows1254", "CP1254" }, { "cp1254", "CP1254" },
	{ "iso885910", "ISO-8859-10" }, { "latin6", "ISO-8859-10" },
	{ "iso885911", "CP874" }, { "tis620", "CP874" }, { "windows874", "CP874" }, { "cp874", "CP874" },
	{ "iso885913", "ISO-8859-13" },
	{ "iso885914", "ISO-8859-14" },
	{ "iso885915", "ISO-8859-15" }, { "latin9", "ISO-8859-15" },
	{ "iso885916", "ISO-8859-16" },
	{ "windows1250", "CP1250" }, { "cp1250", "CP1250" },
	{ "windows1251", "CP1251" }, { "cp1251", "CP1251" }, { "win1251", "CP1251" },
	{ "windows1253", "CP1253" }, { "cp1253", "CP1253" },
	{ "windows1255", "CP1255" }, { "cp1255", "CP1255" },
	{ "windows1256", "CP1256" }, { "cp1256", "CP1256" },
	{ "windows1257", "CP1257" }, { "cp1257", "CP1257" },
	{ "windows1258", "CP1258" }, { "cp1258", "CP1258" },
	{ "koi8r", "KOI8-R" }, { "koi8", "KOI8-R" }, { "koi", "KOI8-R" }, { "cskoi8r", "KOI8-R" },
	{ "koi8u", "KOI8-U" }, { "koi8ru", "KOI8-RU" },
	{ "ibm437", "IBM437" }, { "cp437", "IBM437" }, { "ibm850", "IBM850" }, { "cp850", "IBM850" },
	{ "ibm852", "IBM852" }, { "cp852", "IBM852" }, { "ibm866", "IBM866" }, { "cp866", "IBM866" },
	{ "macintosh", "MACINTOSH" }, { "mac", "MACINTOSH" }, { "xmacroman", "MACINTOSH" }, { "macroman", "MACINTOSH" },
	{ "xmaccyrillic", "MAC-UK" }, { "xmacukrainian", "MAC-UK" }, { "maccyrillic", "MAC-UK" },
	{ "viscii", "VISCII" },
	{ "gb2312", "GB18030" }, { "gbk", "GB18030" }, { "xgbk", "GB18030" }, { "gb18030", "GB18030" }, { "euccn", "GB18030" },
	{ "csgb2312", "GB18030" }, { "cp936", "GB18030" }, { "ms936", "GB18030" }, { "gb231280", "GB18030" },
	{ "big5", "BIG5-HKSCS" }, { "big5hkscs", "BIG5-HKSCS" }, { "cnbig5", "BIG5-HKSCS" }, { "csbig5", "BIG5-HKSCS" },
	{ "xxbig5", "BIG5-HKSCS" }, { "cp950", "BIG5-HKSCS" },
	{ "eucjp", "EUC-JP" }, { "xeucjp", "EUC-JP" }, { "cseucpkdfmtjapanese", "EUC-JP" },
	{ "iso2022jp", "ISO-2022-JP" }, { "csiso2022jp", "ISO-2022-JP" }, { "iso2022jp1", "ISO-2022-JP" },
	{ "iso2022jp2", "ISO-2022-JP-2" },
	{ "shiftjis", "CP932" }, { "sjis", "CP932" }, { "xsjis", "CP932" }, { "ms932", "CP932" }, { "cp932", "CP932" },
	{ "windows31j", "CP932" }, { "mskanji", "CP932" }, { "csshiftjis", "CP932" },
	{ "euckr", "CP949" }, { "ksc56011987", "CP949" }, { "ksc56011989", "CP949" }, { "ksc5601", "CP949" }, { "korean", "CP949" },
	{ "cseuckr", "CP949" }, { "windows949", "CP949" }, { "cp949", "CP949" }, { "uhc", "CP949" },
	{ "iso2022kr", "ISO-2022-KR" }, { "csiso2022kr", "ISO-2022-KR" },
	{ "utf7", "UTF-7" }, { "unicode11utf7", "UTF-7" },
	{ "utf16", "UTF-16" }, { "utf16le", "UTF-16LE" }, { "utf16be", "UTF-16BE" },
};

/* windows-1252 between 0x80 and 0x9F; 0 = nothing is there. */
static const uint16_t windows_latin[32] = {
	0x20AC, 0,	0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,	0x017D, 0,
	0,	0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,	0x017E, 0x0178,
};
/* clang-format on */

enum { OPEN_MAX_ = 6, LABEL_MAX = 24 };

struct charset_reader {
	struct {
		const char *name; /* of labels[]; NULL: free */
		iconv_t cd;
	} open[OPEN_MAX_];
	size_t next; /* to be replaced */
};

struct charset_reader *
charset_reader_new(void)
{
	return NEW(struct charset_reader);
}

void
charset_reader_free(struct charset_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < OPEN_MAX_; i++)
		if (r->open[i].name)
			iconv_close(r->open[i].cd);
	free(r);
}

/* ---- what is on the list ---- */

static const char *
iconv_name_of(str charset)
{
	char plain[LABEL_MAX];
	size_t n = 0;

	for (size_t i = 0; i < charset.n && charset.p[i] != '*'; i++) {
		if (!ascii_alnum(charset.p[i]))
			continue;
		if (n == sizeof(plain))
			return NULL;
		plain[n++] = ascii_lower(charset.p[i]);
	}
	for (size_t i = 0; i < COUNT(labels); i++)
		if (str_eq(str_of(plain, n), str_c(labels[i].label)))
			return labels[i].iconv_name;
	return NULL;
}

static iconv_t
open_converter(struct charset_reader *r, const char *name)
{
	iconv_t cd;

	for (size_t i = 0; i < OPEN_MAX_; i++)
		if (r->open[i].name && strcmp(r->open[i].name, name) == 0)
			return r->open[i].cd;
	cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1)
		return cd;
	if (r->open[r->next].name)
		iconv_close(r->open[r->next].cd);
	r->open[r->next].name = name;
	r->open[r->next].cd = cd;
	r->next = (r->next + 1) % OPEN_MAX_;
	return cd;
}

/* ---- our own charsets ---- */

size_t
charset_ascii_run(str s)
{
	size_t i = 0;
	uint64_t word;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		if (word & 0x8080808080808080)
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

bool
charset_is_utf8(str s)
{
	for (;;) {
		size_t n;

		s = str_from(s, charset_ascii_run(s));
		if (s.n == 0)
			return true;
		n = 1; /* up to the next ASCII byte: no character goes over it */
		while (n < s.n && (unsigned char)s.p[n] >= 0x80)
			n++;
		if (!str_is_utf8(str_sub(s, 0, n)))
			return false;
		s = str_from(s, n);
	}
}

static void
add_replacement(struct buf *out)
{
	buf_add(out, S("\xEF\xBF\xBD"));
}

/* The length of the well-formed character at the front of s, or 0. */
static size_t
utf8_char(str s)
{
	unsigned char lead = (unsigned char)s.p[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

	return n <= s.n && str_is_utf8(str_sub(s, 0, n)) ? n : 0;
}

static void
add_utf8(str s, struct buf *out)
{
	if (charset_is_utf8(s)) {
		buf_add(out, s);
		return;
	}
	while (s.n && !out->full) {
		size_t n = charset_ascii_run(s);

		buf_add(out, str_sub(s, 0, n));
		s = str_from(s, n);
		if (s.n == 0)
			break;
		n = utf8_char(s);
		if (n)
			buf_add(out, str_sub(s, 0, n));
		else
			add_replacement(out);
		s = str_from(s, MAX(n, 1));
	}
}

static void
add_latin(str s, struct buf *out)
{
	while (s.n && !out->full) {
		size_t n = charset_ascii_run(s);
		unsigned c;

		buf_add(out, str_sub(s, 0, n));
		s = str_from(s, n);
		if (s.n == 0)
			break;
		c = (unsigned char)s.p[0];
		if (c < 0xA0)
			c = windows_latin[c - 0x80];
		if (c == 0)
			add_replacement(out);
		else if (c < 0x800)
			buf_add(out, str_of((char[]){ (char)(0xC0 | c >> 6), (char)(0x80 | (c & 63)) }, 2));
		else
			buf_add(out, str_of((char[]){ (char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
						    (char)(0x80 | (c & 63)) },
					     3));
		s = str_from(s, 1);
	}
}

void
charset_add_unlabelled(str bytes, struct buf *out)
{
	if (charset_is_utf8(bytes))
		buf_add(out, bytes);
	else
		add_latin(bytes, out);
}

size_t
charset_utf8_front(str s, size_t n)
{
	if (n >= s.n)
		return s.n;
	for (int back = 0; back < 3 && n && ((unsigned char)s.p[n] & 0xC0) == 0x80; back++)
		n--;
	return n;
}

/* ---- iconv's ---- */

static void
convert(iconv_t cd, str bytes, struct buf *out)
{
	char *in = (char *)(uintptr_t)bytes.p; /* iconv does not write there */
	size_t left = bytes.n;
	bool flushed = false;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (!out->full && !flushed) {
		char piece[512], *to = piece;
		size_t room = sizeof(piece), before = left, n;
		int error = 0;

		flushed = left == 0;
		if (iconv(cd, flushed ? NULL : &in, flushed ? NULL : &left, &to, &room) == (size_t)-1)
			error = errno;
		n = sizeof(piece) - room;
		add_utf8(str_of(piece, n), out); /* lone surrogates have been seen to come through */
		if (error == EILSEQ || error == EINVAL || (error && error != E2BIG)) {
			add_replacement(out);
			if (left) {
				in++;
				left--;
			}
		} else if (!flushed && n == 0 && left == before) {
			break;
		}
	}
}

bool
charset_known(struct charset_reader *r, str charset)
{
	const char *name = iconv_name_of(charset);

	return name && (name[0] == '+' || (r && open_converter(r, name) != (iconv_t)-1));
}

bool
charset_add(struct charset_reader *r, str charset, str bytes, struct buf *out)
{
	const char *name = iconv_name_of(charset);
	iconv_t cd;

	if (!name)
		return false;
	if (name[0] == '+') {
		if (name[1] == 'u')
			add_utf8(bytes, out);
		else if (name[1] == 'l')
			add_latin(bytes, out);
		else
			charset_add_unlabelled(bytes, out);
		return true;
	}
	if (!r)
		return false;
	cd = open_converter(r, name);
	if (cd == (iconv_t)-1)
		return false;
	convert(cd, bytes, out);
	return true;
}

/* ---- the stock ---- */

struct charset_stock {
	iconv_t open[COUNT(labels)];
	size_t count, missing;
};

struct charset_stock *
charset_stock_new(void)
{
	struct charset_stock *s = NEW(struct charset_stock);

	for (size_t i = 0; i < COUNT(labels); i++) {
		const char *name = labels[i].iconv_name;
		bool seen = name[0] == '+';
		iconv_t cd;

		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(labels[k].iconv_name, name) == 0;
		if (seen)
			continue;
		cd = iconv_open("UTF-8", name);
		if (cd == (iconv_t)-1)
			s->missing++;
		else
			s->open[s->count++] = cd;
	}
	return s;
}

void
charset_stock_free(struct charset_stock *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		iconv_close(s->open[i]);
	free(s);
}

size_t
charset_stock_count(const struct charset_stock *s)
{
	return s->count;
}

size_t
charset_stock_missing(const struct charset_stock *s)
{
	return s->missing;
}
