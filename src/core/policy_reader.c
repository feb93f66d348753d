/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy_reader.h"

#include <stdlib.h>
#include <string.h>

int shown(size_t length)
{
    return length > 80 ? 80 : (int)length;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

struct source_place place_of(const struct reader *reader, struct word word)
{
    struct source_place place = reader->place;
    place.column = (uint32_t)(word.at - place.text) + 1;
    place.span = (uint32_t)word.length;
    return place;
}

struct word next_word(const char **at, const char *end)
{
    while (*at < end && is_blank(**at)) {
        (*at)++;
    }
    struct word word = {*at, 0};
    if (*at < end && **at == '#') {
        *at = end;
        return word;
    }
    while (*at < end && !is_blank(**at)) {
        (*at)++;
    }
    word.length = (size_t)(*at - word.at);
    return word;
}

struct word rest_of_line(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    const char *stop = at;
    while (stop < end && !(*stop == '#' && (stop == at || is_blank(stop[-1])))) {
        stop++;
    }
    while (stop > at && is_blank(stop[-1])) {
        stop--;
    }
    return (struct word){at, (size_t)(stop - at)};
}

char *copy_word(struct word word)
{
    char *copy = malloc(word.length + 1);
    if (copy) {
        memcpy(copy, word.at, word.length);
        copy[word.length] = '\0';
    }
    return copy;
}
