/*
 * address.c - IP addresses and CIDR ranges (RFC 4632, RFC 4291). Must never take
 * an address of one family for one of the other, but for IPv4 written as IPv6
 * (::ffff:203.0.113.1), which is what sockets that serve both call it.
 */
#include "policy/match.h"

#include <arpa/inet.h>

#define MAPPED_BITS 96

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct sg_ip_range *range)
{
    return range->bits >= MAPPED_BITS && memcmp(range->address, mapped, sizeof mapped) == 0;
}

/* What lies behind the prefix says nothing. */
static void clear_host_bits(struct sg_ip_range *range)
{
    for (unsigned i = 0; i < sizeof range->address; i++) {
        const unsigned first = i * 8;

        if (first >= range->bits)
            range->address[i] = 0;
        else if (range->bits - first < 8)
            range->address[i] &= (unsigned char)(0xffu << (8 - (range->bits - first)));
    }
}

bool sg_ip_range_parse(struct sg_ip_range *range, struct sg_text text)
{
    char buffer[INET6_ADDRSTRLEN + 1];
    struct sg_text address;
    uint64_t bits;
    bool v4;

    memset(range, 0, sizeof *range);
    const bool sized = sg_text_cut(&address, &text, '/');
    if (!sg_text_copy(buffer, sizeof buffer, address) || address.length == 0)
        return false;
    v4 = strchr(buffer, ':') == NULL;
    memcpy(range->address, mapped, sizeof mapped);
    if (v4 ? inet_pton(AF_INET, buffer, range->address + sizeof mapped) != 1
           : inet_pton(AF_INET6, buffer, range->address) != 1)
        return false;
    bits = v4 ? 32 : 128;
    if (sized && !sg_text_to_uint(&bits, text, bits))
        return false;
    range->bits = (uint8_t)(bits + (v4 ? MAPPED_BITS : 0));
    clear_host_bits(range);
    return true;
}

bool sg_ip_address_valid(struct sg_text text)
{
    struct sg_ip_range range;

    return text.length > 0 && memchr(text.data, '/', text.length) == NULL &&
           sg_ip_range_parse(&range, text);
}

bool sg_ip_range_valid(const struct sg_ip_range *range)
{
    static const uint8_t zeros[7] = {0};

    return range->bits <= 128 && memcmp(range->reserved, zeros, sizeof zeros) == 0;
}

bool sg_ip_range_holds(const struct sg_ip_range *range, const struct sg_ip_range *address)
{
    const size_t whole = range->bits / 8u;
    const unsigned rest = range->bits % 8u;

    if (is_mapped(range) != is_mapped(address) ||
        memcmp(range->address, address->address, whole) != 0)
        return false;
    return rest == 0 || ((range->address[whole] ^ address->address[whole]) >> (8 - rest)) == 0;
}

void sg_ip_range_write(struct sg_buffer *out, const struct sg_ip_range *range)
{
    const bool v4 = is_mapped(range);
    char text[INET6_ADDRSTRLEN];

    if (inet_ntop(v4 ? AF_INET : AF_INET6, range->address + (v4 ? sizeof mapped : 0), text,
                  sizeof text) == NULL)
        return;
    sg_buffer_addf(out, "%s/%d", text, range->bits - (v4 ? MAPPED_BITS : 0));
}
