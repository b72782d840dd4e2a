#include "rt/tls_own.h"

#include <openssl/x509v3.h>

enum { MOST_NAMES = 1000, LONGEST_NAME = 253, SNI_HOST_NAME = 0 };

static void
add_name(struct arena *a, struct tls_names *names, const ASN1_STRING *s)
{
	str name = str_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));

	if (name.n > 0 && name.n <= LONGEST_NAME && str_is_ascii(name) && !str_has_ctl(name))
		names->names[names->n++] = arena_lower(a, name);
}

void
tls_names_of(struct arena *a, X509 *x, struct tls_names *ret)
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int count = sans ? sk_GENERAL_NAME_num(sans) : 0;
	const X509_NAME *subject = X509_get_subject_name(x);
	int cn;

	count = MIN(count, MOST_NAMES);
	ret->n = 0;
	ret->names = ARENA_ARRAY(a, (size_t)count + 1, str);
	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);

		if (san->type == GEN_DNS)
			add_name(a, ret, san->d.dNSName);
	}
	GENERAL_NAMES_free(sans);
	cn = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (ret->n == 0 && cn >= 0)
		add_name(a, ret, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, cn)));
}

static bool
has(const struct tls_names *names, str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->names[i], name))
			return true;
	return false;
}

static bool
has_all(const struct tls_names *names, const struct tls_names *wanted)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!has(names, wanted->names[i]))
			return false;
	return true;
}

bool
tls_names_same(const struct tls_names *x, const struct tls_names *y)
{
	return has_all(x, y) && has_all(y, x);
}

enum tls_match
tls_names_match(const struct tls_names *names, str name)
{
	size_t dot = str_find(name, '.');

	if (name.n == 0)
		return TLS_NO_MATCH;
	if (has(names, name))
		return TLS_EXACT;
	if (dot == 0 || dot == name.n)
		return TLS_NO_MATCH;
	for (size_t i = 0; i < names->n; i++)
		if (str_starts(names->names[i], S("*.")) &&
			str_eq(str_from(names->names[i], 1), str_from(name, dot)))
			return TLS_WILDCARD;
	return TLS_NO_MATCH;
}

static bool
take_be16(str *in, size_t *ret)
{
	if (in->n < 2)
		return false;
	*ret = (size_t)(unsigned char)in->p[0] << 8 | (unsigned char)in->p[1];
	*in = str_from(*in, 2);
	return true;
}

static bool
is_host_name(str name)
{
	if (name.n == 0 || name.n > LONGEST_NAME || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '.' && name.p[i] != '_')
			return false;
	return true;
}

bool
tls_names_take_sni(str extension, char *p, size_t room, str *ret_name)
{
	size_t list_n, name_n;
	str name;

	/* One entry only: RFC 6066 permits one of each type, and there is but one type. */
	if (!take_be16(&extension, &list_n) || list_n != extension.n || list_n < 3 ||
		extension.p[0] != SNI_HOST_NAME)
		return false;
	extension = str_from(extension, 1);
	if (!take_be16(&extension, &name_n) || name_n != extension.n || name_n == 0)
		return false;
	name = extension;
	if (name.p[name.n - 1] == '.')
		name = str_sub(name, 0, name.n - 1);
	if (!is_host_name(name) || name.n > room) {
		*ret_name = S("");
		return true;
	}
	for (size_t i = 0; i < name.n; i++)
		p[i] = ascii_lower(name.p[i]);
	*ret_name = str_of(p, name.n);
	return true;
}
