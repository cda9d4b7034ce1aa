/*
 * number.c - decimal numbers as text, compared digit by digit. Must never go
 * through floating point: 16777217 is not 16777216.
 */
#include "policy/values.h"

struct number {
    struct sg_text whole, fraction; /* without zeros that say nothing */
    bool negative;
};

static struct sg_text take_digits(struct sg_text *text)
{
    struct sg_text digits = {text->data, 0};

    while (digits.length < text->length && text->data[digits.length] >= '0' &&
           text->data[digits.length] <= '9')
        digits.length++;
    text->data += digits.length;
    text->length -= digits.length;
    return digits;
}

static bool read_number(struct number *number, struct sg_text text)
{
    number->negative = text.length > 0 && text.data[0] == '-';
    if (text.length > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        text.data++;
        text.length--;
    }
    number->whole = take_digits(&text);
    number->fraction = (struct sg_text){text.data, 0};
    bool some = number->whole.length > 0;
    if (text.length > 0 && text.data[0] == '.') {
        text.data++;
        text.length--;
        number->fraction = take_digits(&text);
        some = some || number->fraction.length > 0;
    }
    if (!some || text.length > 0)
        return false;
    while (number->whole.length > 0 && number->whole.data[0] == '0') {
        number->whole.data++;
        number->whole.length--;
    }
    while (number->fraction.length > 0 && number->fraction.data[number->fraction.length - 1] == '0')
        number->fraction.length--;
    if (number->whole.length == 0 && number->fraction.length == 0)
        number->negative = false;
    return true;
}

static int compare_text(struct sg_text a, struct sg_text b)
{
    const size_t common = a.length < b.length ? a.length : b.length;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order < 0 ? -1 : 1;
    return a.length == b.length ? 0 : a.length < b.length ? -1 : 1;
}

static int compare_size(const struct number *a, const struct number *b)
{
    if (a->whole.length != b->whole.length)
        return a->whole.length < b->whole.length ? -1 : 1;
    const int order = compare_text(a->whole, b->whole);
    return order != 0 ? order : compare_text(a->fraction, b->fraction);
}

bool sg_number_valid(struct sg_text text)
{
    struct number number;

    return read_number(&number, text);
}

int sg_number_compare(struct sg_text a, struct sg_text b)
{
    struct number one, other;

    if (!read_number(&one, a) || !read_number(&other, b))
        return 0;
    if (one.negative != other.negative)
        return one.negative ? -1 : 1;
    return one.negative ? compare_size(&other, &one) : compare_size(&one, &other);
}
