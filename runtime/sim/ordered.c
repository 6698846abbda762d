/* SPDX-License-Identifier: Apache-2.0 */
/* A search tree by key that is a heap by priority: insertion goes down to where the new priority
 * belongs and splits the rest of the path there, removal merges both subtrees. All walks are loops,
 * because the depth is logarithmic only on average. */
#include "runtime/sim/ordered.h"

#include <stdlib.h>

#include "runtime/base/memory.h"

struct ordered_node {
    struct ordered_node *left, *right;
    void *value;
    uint64_t priority;
    uint32_t len;
    char key[];
};

static int ordered_compare(struct slice a, struct slice b)
{
    uint32_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static struct slice key_of(const struct ordered_node *n)
{
    return (struct slice){n->key, n->len};
}

/* FNV-1a, mixed: neighbouring keys get unrelated priorities. */
static uint64_t priority_of(struct slice key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < key.len; i++)
        h = (h ^ (uint8_t)key.data[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

/* Frees without recursion: turns the tree into its right spine on the way. */
void ordered_done(struct ordered *o)
{
    struct ordered_node *n = o->root;
    while (n != NULL) {
        struct ordered_node *next = n->left;
        if (next != NULL) {
            n->left = next->right;
            next->right = n;
        } else {
            next = n->right;
            free(n);
        }
        n = next;
    }
    o->root = NULL;
    o->count = 0;
}

static struct ordered_node *ordered_find_node(const struct ordered *o, struct slice key)
{
    struct ordered_node *n = o->root;
    while (n != NULL) {
        int order = ordered_compare(key, key_of(n));
        if (order == 0)
            break;
        n = order < 0 ? n->left : n->right;
    }
    return n;
}

void *ordered_find(const struct ordered *o, struct slice key)
{
    struct ordered_node *n = ordered_find_node(o, key);
    return n != NULL ? n->value : NULL;
}

static struct ordered_node *make_node(struct slice key, void *value)
{
    struct ordered_node *n = memory_take(sizeof *n + key.len);
    *n = (struct ordered_node){.value = value, .priority = priority_of(key), .len = key.len};
    if (key.len > 0)
        memcpy(n->key, key.data, key.len);
    return n;
}

/* Splits a tree without `key` into what is below and above it. */
static void ordered_split(struct ordered_node *n, struct slice key, struct ordered_node **below,
                          struct ordered_node **above)
{
    while (n != NULL) {
        if (ordered_compare(key_of(n), key) < 0) {
            *below = n;
            below = &n->right;
            n = n->right;
        } else {
            *above = n;
            above = &n->left;
            n = n->left;
        }
    }
    *below = *above = NULL;
}

void *ordered_put(struct ordered *o, struct slice key, void *value)
{
    struct ordered_node *present = ordered_find_node(o, key);
    if (present != NULL) {
        void *old = present->value;
        present->value = value;
        return old;
    }
    struct ordered_node *n = make_node(key, value);
    struct ordered_node **at = &o->root;
    while (*at != NULL && (*at)->priority >= n->priority)
        at = ordered_compare(key, key_of(*at)) < 0 ? &(*at)->left : &(*at)->right;
    ordered_split(*at, key, &n->left, &n->right);
    *at = n;
    o->count++;
    return NULL;
}

void *ordered_remove(struct ordered *o, struct slice key)
{
    struct ordered_node **at = &o->root;
    int order;
    while (*at != NULL && (order = ordered_compare(key, key_of(*at))) != 0)
        at = order < 0 ? &(*at)->left : &(*at)->right;
    struct ordered_node *n = *at;
    if (n == NULL)
        return NULL;
    struct ordered_node *left = n->left, *right = n->right;
    while (left != NULL && right != NULL) {
        if (left->priority >= right->priority) {
            *at = left;
            at = &left->right;
            left = left->right;
        } else {
            *at = right;
            at = &right->left;
            right = right->left;
        }
    }
    *at = left != NULL ? left : right;
    void *value = n->value;
    free(n);
    o->count--;
    return value;
}

static bool ordered_give(const struct ordered_node *n, struct ordered_entry *ret)
{
    if (n == NULL)
        return false;
    *ret = (struct ordered_entry){key_of(n), n->value};
    return true;
}

/* The first whose key is > `key`, or >= with `equal`. */
static const struct ordered_node *ordered_above(const struct ordered *o, struct slice key,
                                                bool equal)
{
    const struct ordered_node *best = NULL;
    for (const struct ordered_node *n = o->root; n != NULL;) {
        int order = ordered_compare(key_of(n), key);
        if (order > 0 || (order == 0 && equal)) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

bool ordered_at_or_after(const struct ordered *o, struct slice key, struct ordered_entry *ret)
{
    return ordered_give(ordered_above(o, key, true), ret);
}

bool ordered_after(const struct ordered *o, struct slice key, struct ordered_entry *ret)
{
    return ordered_give(ordered_above(o, key, false), ret);
}

bool ordered_before(const struct ordered *o, struct slice key, struct ordered_entry *ret)
{
    const struct ordered_node *best = NULL;
    for (const struct ordered_node *n = o->root; n != NULL;) {
        if (ordered_compare(key_of(n), key) < 0) {
            best = n;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return ordered_give(best, ret);
}
