#include "talk/talk.h"

#include "base/mem.h"

#define FIELD(type, name) talk_put_##type(b, m->name);
#define MESSAGE(message, fields)                                                                             \
	void talk_put_##message(struct buf *b, const struct talk_##message *m)                               \
	{                                                                                                    \
		fields                                                                                       \
	}
#define CALL(question, answer, from, to)
#define TELL(name, from, to)
#include "talk/messages.def"
#undef FIELD
#undef MESSAGE

#define FIELD(type, name) &&talk_take_##type(&s, &m.name)
#define MESSAGE(message, fields)                                                                             \
	bool talk_take_##message(str *in, struct talk_##message *ret)                                        \
	{                                                                                                    \
		struct talk_##message m;                                                                     \
		str s = *in;                                                                                 \
                                                                                                             \
		if (!(true fields))                                                                          \
			return false;                                                                        \
		*in = s;                                                                                     \
		*ret = m;                                                                                    \
		return true;                                                                                 \
	}                                                                                                    \
	bool talk_read_##message(str payload, struct talk_##message *ret)                                    \
	{                                                                                                    \
		struct talk_##message m;                                                                     \
                                                                                                             \
		if (!talk_take_##message(&payload, &m) || payload.n)                                         \
			return false;                                                                        \
		*ret = m;                                                                                    \
		return true;                                                                                 \
	}
#include "talk/messages.def"
#undef FIELD
#undef MESSAGE
#undef CALL
#undef TELL

static const struct {
	const char *name;
	unsigned from, to;
	bool wants_answer;
} types[TALK_TYPES] = {
#define MESSAGE(name, fields)
#define CALL(question, answer, from, to) [TALK_ASK_##question] = { #question, from, to, true },
#define TELL(name, from, to)             [TALK_SAY_##name] = { #name, from, to, false },
#include "talk/messages.def"
#undef MESSAGE
#undef CALL
#undef TELL
};

const char *
talk_type_name(uint16_t type)
{
	return type > TALK_NOTHING && type < TALK_TYPES ? types[type].name : "unknown";
}

bool
talk_may_say(uint16_t type, unsigned from, unsigned to, bool *ret_wants_answer)
{
	if (type == TALK_NOTHING || type >= TALK_TYPES)
		return false;
	if (!(types[type].from & from) || !(types[type].to & to))
		return false;
	*ret_wants_answer = types[type].wants_answer;
	return true;
}

const char *
talk_role_name(unsigned role)
{
	switch (role) {
	case TALK_MASTER: return "master";
	case TALK_STORE: return "store";
	case TALK_VAULT: return "vault";
	case TALK_SMTP: return "smtp";
	case TALK_LOGIN: return "login";
	case TALK_POP3: return "pop3";
	case TALK_IMAP: return "imap";
	case TALK_ADMIN: return "admin";
	default: return "nobody";
	}
}
