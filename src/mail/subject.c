#include "mail/subject.h"

/* Step 1: tabs and line ends to spaces, runs of spaces to one. */
static str
squeeze(struct arena *a, str s)
{
	char *p = arena_take(a, s.n);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool space = ascii_space(s.p[i]);

		if (!space)
			p[n++] = s.p[i];
		else if (n == 0 || p[n - 1] != ' ')
			p[n++] = ' ';
	}
	return str_of(p, n);
}

/* Step 2: subj-trailer. */
static str
without_trailers(str s)
{
	for (;;) {
		if (s.n && s.p[s.n - 1] == ' ')
			s.n--;
		else if (str_ends_nocase(s, S("(fwd)")))
			s.n -= 5;
		else
			return s;
	}
}

/* subj-blob at the front: its length with the blanks after it, or 0. */
static size_t
blob(str s)
{
	size_t n = 1;

	if (s.n == 0 || s.p[0] != '[')
		return 0;
	while (n < s.n && s.p[n] != '[' && s.p[n] != ']')
		n++;
	if (n == s.n || s.p[n] != ']')
		return 0;
	n++;
	while (n < s.n && s.p[n] == ' ')
		n++;
	return n;
}

/* subj-refwd at the front: its length, or 0. */
static size_t
refwd(str s)
{
	str rest = s;

	if (str_take_nocase(&rest, S("fwd")) || str_take_nocase(&rest, S("fw")) ||
		str_take_nocase(&rest, S("re"))) {
		while (rest.n && rest.p[0] == ' ')
			rest = str_from(rest, 1);
		rest = str_from(rest, blob(rest));
		if (rest.n && rest.p[0] == ':')
			return s.n - rest.n + 1;
	}
	return 0;
}

/* Steps 3 to 5. A run of blobs that no refwd follows is no leader for any of its tails either, so one look at the run is enough. */
static str
without_leaders(str s)
{
	for (;;) {
		size_t run = 0, last = 0, n;

		if (s.n && s.p[0] == ' ') {
			s = str_from(s, 1);
			continue;
		}
		while ((n = blob(str_from(s, run))) > 0) {
			last = run;
			run += n;
		}
		n = refwd(str_from(s, run));
		if (n)
			s = str_from(s, run + n);
		else if (run && run < s.n)
			s = str_from(s, run);
		else /* blobs alone: the last of them is the subject */
			return str_from(s, last);
	}
}

str
subject_base(struct arena *a, str decoded)
{
	str s = squeeze(a, decoded);

	for (;;) {
		s = without_leaders(without_trailers(s));
		if (!str_starts_nocase(s, S("[fwd:")) || s.p[s.n - 1] != ']')
			return s;
		s = str_sub(s, 5, s.n - 6);
	}
}
