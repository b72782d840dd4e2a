/* What is common in mail has a number in the email row. Append only: rows on disks hold these numbers. */
#include "base/mem.h"
#include "mail/email_row.h"

static const struct row_type types[] = {
	{ SC("text"), SC("plain") },
	{ SC("text"), SC("html") },
	{ SC("multipart"), SC("mixed") },
	{ SC("multipart"), SC("alternative") },
	{ SC("multipart"), SC("related") },
	{ SC("multipart"), SC("signed") },
	{ SC("multipart"), SC("report") },
	{ SC("multipart"), SC("encrypted") },
	{ SC("multipart"), SC("digest") },
	{ SC("message"), SC("rfc822") },
	{ SC("message"), SC("delivery-status") },
	{ SC("message"), SC("disposition-notification") },
	{ SC("message"), SC("global") },
	{ SC("text"), SC("rfc822-headers") },
	{ SC("text"), SC("calendar") },
	{ SC("text"), SC("csv") },
	{ SC("text"), SC("x-patch") },
	{ SC("application"), SC("octet-stream") },
	{ SC("application"), SC("pdf") },
	{ SC("application"), SC("zip") },
	{ SC("application"), SC("gzip") },
	{ SC("application"), SC("json") },
	{ SC("application"), SC("xml") },
	{ SC("application"), SC("msword") },
	{ SC("application"), SC("ms-tnef") },
	{ SC("application"), SC("pgp-signature") },
	{ SC("application"), SC("pgp-encrypted") },
	{ SC("application"), SC("pgp-keys") },
	{ SC("application"), SC("pkcs7-signature") },
	{ SC("application"), SC("pkcs7-mime") },
	{ SC("application"), SC("x-pkcs7-signature") },
	{ SC("application"), SC("ics") },
	{ SC("application"), SC("vnd.ms-excel") },
	{ SC("application"), SC("vnd.openxmlformats-officedocument.wordprocessingml.document") },
	{ SC("application"), SC("vnd.openxmlformats-officedocument.spreadsheetml.sheet") },
	{ SC("application"), SC("vnd.openxmlformats-officedocument.presentationml.presentation") },
	{ SC("image"), SC("jpeg") },
	{ SC("image"), SC("png") },
	{ SC("image"), SC("gif") },
	{ SC("image"), SC("svg+xml") },
	{ SC("image"), SC("heic") },
	{ SC("image"), SC("webp") },
	{ SC("audio"), SC("mpeg") },
	{ SC("video"), SC("mp4") },
};
static const str encodings[] = { SC("7bit"), SC("8bit"), SC("quoted-printable"), SC("base64"), SC("binary") };
static const str params[] = { SC("charset"), SC("boundary"), SC("name"), SC("filename"), SC("format"),
	SC("delsp"), SC("type"), SC("size"), SC("creation-date"), SC("modification-date"), SC("read-date"),
	SC("protocol"), SC("micalg"), SC("report-type"), SC("method"), SC("start"), SC("access-type"),
	SC("smime-type"), SC("x-unix-mode"), SC("protected-headers") };
static const str dispositions[] = { SC("inline"), SC("attachment") };

const struct row_type *
row_type_of_code(uint64_t code)
{
	return code && code <= COUNT(types) ? &types[code - 1] : NULL;
}

uint64_t
row_code_of_type(str type, str subtype)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq(subtype, types[i].subtype) && str_eq(type, types[i].type))
			return i + 1;
	return 0;
}

static str
word_of_code(const str *list, size_t n, uint64_t code)
{
	return code && code <= n ? list[code - 1] : (str){ 0 };
}

static uint64_t
code_of_word(const str *list, size_t n, str word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(word, list[i]))
			return i + 1;
	return 0;
}

str
row_encoding_of_code(uint64_t code)
{
	return word_of_code(encodings, COUNT(encodings), code);
}

uint64_t
row_code_of_encoding(str encoding)
{
	return code_of_word(encodings, COUNT(encodings), encoding);
}

str
row_param_of_code(uint64_t code)
{
	return word_of_code(params, COUNT(params), code);
}

uint64_t
row_code_of_param(str name)
{
	return code_of_word(params, COUNT(params), name);
}

str
row_disposition_of_code(uint64_t code)
{
	return word_of_code(dispositions, COUNT(dispositions), code);
}

uint64_t
row_code_of_disposition(str disposition)
{
	return code_of_word(dispositions, COUNT(dispositions), disposition);
}
