/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer where there is none: runs LLVMFuzzerTestOneInput on every file of a
 * corpus folder, then on a fixed number of mutations of each, the same ones in every run.
 * usage: fuzz_<name> CORPUS_FOLDER */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"

enum {
    input_size_max = 64 * 1024,   /* bytes; larger corpus files are refused */
    corpus_files_max = 4096,      /* files in one folder */
    mutations_per_file = 2000,    /* about a second for a small corpus under sanitizers */
    edits_per_mutation_max = 8,
    insert_max = 16               /* bytes put in by one edit */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t bytes[input_size_max];
    size_t size;
};

/* splitmix64: small, and the mutations stay the same whatever the product's generator does. */
static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(next_random(state) % limit);
}

static void insert_bytes(struct input *in, uint64_t *random)
{
    size_t count = 1 + random_below(random, insert_max);
    if (in->size + count > input_size_max) {
        return;
    }
    size_t at = random_below(random, in->size + 1);
    memmove(in->bytes + at + count, in->bytes + at, in->size - at);
    for (size_t i = 0; i < count; i++) {
        in->bytes[at + i] = (uint8_t)next_random(random);
    }
    in->size += count;
}

static void remove_bytes(struct input *in, uint64_t *random)
{
    size_t at = random_below(random, in->size);
    size_t count = 1 + random_below(random, in->size - at);
    memmove(in->bytes + at, in->bytes + at + count, in->size - at - count);
    in->size -= count;
}

static void edit(struct input *in, uint64_t *random)
{
    /* Values at which lengths, signs and type bytes change their meaning. */
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xc1, 0xdd, 0xdf, 0xff, '"', '{'};
    if (in->size == 0) {
        insert_bytes(in, random);
        return;
    }
    size_t at = random_below(random, in->size);
    switch (random_below(random, 5)) {
    case 0:
        in->bytes[at] ^= (uint8_t)(1U << random_below(random, 8));
        break;
    case 1:
        in->bytes[at] = (uint8_t)next_random(random);
        break;
    case 2:
        in->bytes[at] = edges[random_below(random, array_len(edges))];
        break;
    case 3:
        insert_bytes(in, random);
        break;
    default:
        remove_bytes(in, random);
        break;
    }
}

/* A copy of exactly the input's size, so that the address sanitizer sees one byte too far. */
static void run_one(const struct input *in)
{
    uint8_t *exact = malloc(in->size + (in->size == 0));
    check(exact != NULL);
    memcpy(exact, in->bytes, in->size);
    check(LLVMFuzzerTestOneInput(exact, in->size) == 0);
    free(exact);
}

static bool read_input(const char *folder, const char *name, struct input *in)
{
    char path[1024];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return false;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    in->size = fread(in->bytes, 1, sizeof(in->bytes), file);
    bool whole = !ferror(file) && fgetc(file) == EOF;
    fclose(file);
    return whole;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    static struct input seed, mutated;
    struct dirent **entries;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    int count = scandir(argv[1], &entries, is_visible, alphasort);
    if (count <= 0 || count > corpus_files_max) {
        fprintf(stderr, "%s: cannot be read, is empty or has more than %d files\n", argv[1],
                corpus_files_max);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        uint64_t random = (uint64_t)i + 1;
        if (!read_input(argv[1], entries[i]->d_name, &seed)) {
            fprintf(stderr, "%s/%s: cannot be read or is over %d bytes\n", argv[1],
                    entries[i]->d_name, input_size_max);
            return 2;
        }
        run_one(&seed);
        for (int round = 0; round < mutations_per_file; round++) {
            memcpy(mutated.bytes, seed.bytes, seed.size);
            mutated.size = seed.size;
            for (size_t n = 1 + random_below(&random, edits_per_mutation_max); n > 0; n--) {
                edit(&mutated, &random);
            }
            run_one(&mutated);
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d files, %d mutations of each\n", count, mutations_per_file);
    return 0;
}
