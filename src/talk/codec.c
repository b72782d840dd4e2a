#include "talk/codec.h"

static bool
take_up_to(str *in, uint64_t most, uint64_t *ret)
{
	str s = *in;
	uint64_t v;

	if (!str_take_varint(&s, &v) || v > most)
		return false;
	*in = s;
	*ret = v;
	return true;
}

bool
talk_take_u8(str *in, talk_u8 *ret)
{
	uint64_t v;

	if (!take_up_to(in, UINT8_MAX, &v))
		return false;
	*ret = (uint8_t)v;
	return true;
}

bool
talk_take_u32(str *in, talk_u32 *ret)
{
	uint64_t v;

	if (!take_up_to(in, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool
talk_take_u64(str *in, talk_u64 *ret)
{
	return take_up_to(in, UINT64_MAX, ret);
}

bool
talk_take_i64(str *in, talk_i64 *ret)
{
	uint64_t v;

	if (!take_up_to(in, UINT64_MAX, &v))
		return false;
	*ret = (int64_t)(v >> 1 ^ (0 - (v & 1)));
	return true;
}

bool
talk_take_bool(str *in, talk_bool *ret)
{
	uint64_t v;

	if (!take_up_to(in, 1, &v))
		return false;
	*ret = v != 0;
	return true;
}

bool
talk_take_str(str *in, talk_str *ret)
{
	return str_take_counted(in, ret);
}

bool
talk_take_fault(str *in, talk_fault *ret)
{
	uint64_t v;

	if (!take_up_to(in, FAULTS - 1, &v))
		return false;
	*ret = (enum fault)v;
	return true;
}
