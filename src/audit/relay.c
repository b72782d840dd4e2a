/* audit/relay.c - the guard: a server that would relay for the world does not start */
#include "audit/inside.h"

enum { REFUSED_SHARE = 50 }; /* of the internet, in 1/1000 */

static void
add(struct buf *report, const struct conf *c, enum conf_id id, bool wanted, const char *why)
{
	struct arena a = { 0 };
	struct conf_origin o;
	str where = audit_where(&a, c, id);

	conf_origin(c, id, &o);
	buf_printf(report, "%.*s: %s: %s = %.*s: %s%s\n", STR_ARG(where), wanted ? "warning" : "error",
		o.name, STR_ARG(str_sub(o.text, 0, 200)), why,
		wanted ? "; open_relay_is_wanted permits it"
		       : "; a server that is to relay for everybody says open_relay_is_wanted = "
			 "i-relay-for-everyone");
	arena_done(&a);
}

bool
audit_open_relay(const struct conf *c, struct buf *report)
{
	bool wanted = conf_is(c, CONF_open_relay_is_wanted, "i-relay-for-everyone");
	struct arena a = { 0 };
	bool open = false;

	/* Who may say that it is 127.0.0.1 is as good as trusted. */
	if (audit_share_of_world(c, CONF_smtpd_authorized_xclient_hosts) >= REFUSED_SHARE) {
		add(report, c, CONF_smtpd_authorized_xclient_hosts, wanted,
			"the whole internet may pretend to be a trusted client, and whom it trusts may "
			"relay");
		open = true;
	}
	if (conf_has_word(c, CONF_smtpd_upstream_proxy_protocol, S("haproxy")) &&
		audit_share_of_world(c, CONF_smtpd_upstream_proxy_hosts) >= REFUSED_SHARE) {
		add(report, c, CONF_smtpd_upstream_proxy_hosts, wanted,
			"the whole internet may pretend to be a trusted client, and whom it trusts may "
			"relay");
		open = true;
	}
	if (audit_share_of_world(c, CONF_mynetworks) >= REFUSED_SHARE) {
		add(report, c, CONF_mynetworks, wanted,
			"this trusts the whole internet, and whom it trusts may relay");
		open = true;
	}
	for (size_t i = 0;; i++) {
		const char *listener = i ? conf_listener(i - 1) : "";
		const struct conf *view = listener ? conf_for(c, listener) : NULL;
		const char *who = view && strcmp(listener, "lmtp") != 0 ? audit_lists_open(view) : NULL;

		if (!view)
			break;
		if (!who)
			continue;
		add(report, view, CONF_smtpd_relay_restrictions, wanted,
			arena_cstr(&a, arena_printf(&a, "%s%s%s may relay", listener, listener[0] ? ": " : "",
					       who)));
		open = true;
		break;
	}
	arena_done(&a);
	return open && !wanted;
}
