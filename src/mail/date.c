#include "mail/date.h"

#include "base/mem.h"
#include "base/moment.h"
#include "mail/header.h"

/* What was found so far; -1 = not yet. */
struct found {
	int year, month, day, hour, minute, second, millisecond;
	int zone_min;
	bool has_zone, pm, am;
};

/* clang-format off */
static const str months[] = { SC("january"), SC("february"), SC("march"), SC("april"), SC("may"), SC("june"), SC("july"), SC("august"),
	SC("september"), SC("october"), SC("november"), SC("december") };
/* clang-format on */

static const struct {
	str name;
	int minutes;
} zones[] = {
	/* RFC 5322 4.3; the military letters stand there too, as "no better than -0000" */
	{ SC("ut"), 0 },
	{ SC("utc"), 0 },
	{ SC("gmt"), 0 },
	{ SC("z"), 0 },
	{ SC("est"), -300 },
	{ SC("edt"), -240 },
	{ SC("cst"), -360 },
	{ SC("cdt"), -300 },
	{ SC("mst"), -420 },
	{ SC("mdt"), -360 },
	{ SC("pst"), -480 },
	{ SC("pdt"), -420 },
	/* and those that were seen in the wild without a number beside them */
	{ SC("wet"), 0 },
	{ SC("bst"), 60 },
	{ SC("cet"), 60 },
	{ SC("met"), 60 },
	{ SC("cest"), 120 },
	{ SC("mest"), 120 },
	{ SC("eet"), 120 },
	{ SC("eest"), 180 },
	{ SC("msk"), 180 },
	{ SC("jst"), 540 },
	{ SC("hst"), -600 },
	{ SC("akst"), -540 },
	{ SC("akdt"), -480 },
};

/* Names may be cut after three letters or more. */
static int
index_of(str word, const str *names, size_t n)
{
	if (word.n < 3)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_starts_nocase(names[i], word))
			return (int)i;
	return -1;
}

/* Digits at the front; -1 and nothing taken when there are none or more than `most`. *ret_n: how many. */
static int
take_digits(str *s, size_t most, size_t *ret_n)
{
	size_t n = 0;
	int value = 0;

	while (n < s->n && ascii_digit(s->p[n]))
		n++;
	if (n == 0 || n > most)
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (s->p[i] - '0');
	*s = str_from(*s, n);
	*ret_n = n;
	return value;
}

/* RFC 5322 4.3: 00-49 is 2000-2049, 50-999 is counted from 1900. */
static int
full_year(int year, size_t digits)
{
	if (digits <= 2)
		return year < 50 ? 2000 + year : 1900 + year;
	return digits == 3 ? 1900 + year : year;
}

static bool
next_is(str s, char c)
{
	return s.n && s.p[0] == c;
}

/* After the hour and at its separator: minute, second, fraction. */
static bool
take_time(str *s, int hour, struct found *f)
{
	char sep = s->p[0];
	size_t n;

	f->hour = hour;
	f->second = f->millisecond = 0;
	*s = str_from(*s, 1);
	f->minute = take_digits(s, 2, &n);
	if (f->minute < 0)
		return false;
	if (next_is(*s, sep)) {
		*s = str_from(*s, 1);
		f->second = take_digits(s, 2, &n);
		if (f->second < 0)
			return false;
	}
	if (next_is(*s, '.') && s->n > 1 && ascii_digit(s->p[1])) {
		*s = str_from(*s, 1);
		for (int weight = 100; s->n && ascii_digit(s->p[0]); weight /= 10) {
			f->millisecond += weight * (s->p[0] - '0');
			*s = str_from(*s, 1);
		}
	}
	return true;
}

/* At '+' or '-': hhmm, hh:mm, hmm or hh. A zone that cannot be is none (RFC 5322 4.3: as -0000). */
static void
take_offset(str *s, struct found *f)
{
	bool west = s->p[0] == '-';
	int value, minutes;
	size_t n;

	*s = str_from(*s, 1);
	value = take_digits(s, 4, &n);
	if (value < 0)
		return;
	if (n > 2) {
		minutes = value % 100;
		value /= 100;
	} else {
		minutes = 0;
		if (next_is(*s, ':')) {
			*s = str_from(*s, 1);
			minutes = take_digits(s, 2, &n);
		}
	}
	f->has_zone = true;
	f->zone_min = 0;
	if (value < 24 && minutes >= 0 && minutes < 60)
		f->zone_min = (value * 60 + minutes) * (west ? -1 : 1);
}

static void
take_name(str *s, struct found *f)
{
	size_t n = 0;
	str word;
	int month;

	while (n < s->n && ascii_alpha(s->p[n]))
		n++;
	word = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	month = index_of(word, months, COUNT(months));
	if (month >= 0 && f->month < 0) {
		f->month = month + 1;
		return;
	}
	if (f->hour < 0 || f->has_zone || next_is(*s, '+') || next_is(*s, '-'))
		return; /* a weekday, or the GMT of "GMT+0100" */
	f->am |= str_eq_nocase(word, S("am"));
	f->pm |= str_eq_nocase(word, S("pm"));
	for (size_t i = 0; i < COUNT(zones); i++)
		if (str_eq_nocase(word, zones[i].name)) {
			f->has_zone = true;
			f->zone_min = zones[i].minutes;
		}
}

static bool
take_number(str *s, struct found *f)
{
	bool first = f->day < 0 && f->month < 0 && f->year < 0;
	size_t n;
	int value = take_digits(s, 4, &n);

	if (value < 0)
		return false;
	if (n <= 2 && f->hour < 0 &&
		(next_is(*s, ':') || (next_is(*s, '.') && f->day > 0 && f->month > 0 && f->year > 0)))
		return take_time(s, value, f);
	if (first && n == 4 && next_is(*s, '-')) { /* RFC 3339 */
		f->year = value;
		*s = str_from(*s, 1);
		f->month = take_digits(s, 2, &n);
		if (!next_is(*s, '-'))
			return false;
		*s = str_from(*s, 1);
		f->day = take_digits(s, 2, &n);
	} else if (f->day < 0 && n <= 2) {
		f->day = value;
	} else if (f->month < 0 && n <= 2 && f->day > 0) {
		f->month = value;
	} else if (f->year < 0) {
		f->year = full_year(value, n);
	} else {
		return false;
	}
	return true;
}

static bool
is_whole(const struct found *f)
{
	return f->day > 0 && f->month > 0 && f->year >= 0 && f->hour >= 0;
}

static bool
read_all(str s, struct found *f)
{
	struct header_scan scan;

	header_scan_init(&scan, s);
	for (;;) {
		char c;

		header_skip(&scan);
		if (scan.rest.n == 0 || (is_whole(f) && f->has_zone))
			return is_whole(f);
		c = scan.rest.p[0];
		if (ascii_alpha(c)) {
			take_name(&scan.rest, f);
		} else if (ascii_digit(c)) {
			if (!take_number(&scan.rest, f))
				return is_whole(f);
		} else if ((c == '+' || c == '-') && f->hour >= 0 && scan.rest.n > 1 &&
			   ascii_digit(scan.rest.p[1])) {
			take_offset(&scan.rest, f);
		} else {
			scan.rest = str_from(scan.rest, 1);
		}
	}
}

static int
days_of_month(int year, int month)
{
	if (month == 2)
		return year % 4 == 0 && (year % 100 || year % 400 == 0) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool
date_parse(str s, int64_t *ret_unix_ms, int *ret_offset_min)
{
	struct found f = { -1, -1, -1, -1, -1, -1, 0 };
	struct moment_parts t;

	if (!read_all(s, &f))
		return false;
	if ((f.am || f.pm) && (f.hour < 1 || f.hour > 12))
		f.am = f.pm = false;
	if (f.am || f.pm)
		f.hour = f.hour % 12 + (f.pm ? 12 : 0);
	if (f.year < 1000 || f.month > 12 || f.day > days_of_month(f.year, f.month) || f.hour > 23 ||
		f.minute > 59 || f.second > 60)
		return false;
	t = (struct moment_parts){ f.year, f.month, f.day, f.hour, f.minute, f.second, f.millisecond, 0 };
	*ret_unix_ms = moment_join(&t) - (int64_t)f.zone_min * 60000;
	*ret_offset_min = f.zone_min;
	return true;
}
