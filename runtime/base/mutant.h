/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants: places where the simulator can break the code on purpose, to show that its checkers
 * would notice. Compiled in with MUTANT_BUGS only, which the simulator alone defines for its own
 * copy of the files; everywhere else MUTANT() is the constant 0. The active bug is one global of
 * the simulator, for apply functions are pure and have no env to find it through. */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#define MUTANT_LIST(X)                                                                             \
    X(ACK_BEFORE_COMMIT, "ack_before_commit")                                                      \
    X(FORGET_ANSWERS, "forget_answers")                                                            \
    X(RELEASE_FAILED, "release_failed")                                                            \
    X(UNKNOWN_IS_SUCCESS, "unknown_is_success")                                                    \
    X(SKIP_DEDUPE, "skip_dedupe")                                                                  \
    X(ACCEPT_OTHER_BODY, "accept_other_body")                                                      \
    X(OTHER_ANSWER_AGAIN, "other_answer_again")                                                    \
    X(FORGET_KEYS, "forget_keys")                                                                  \
    X(FORGET_IDS, "forget_ids")                                                                    \
    X(LOSE_TAIL, "lose_tail")                                                                      \
    X(LOSE_EVENT, "lose_event")                                                                    \
    X(APPLY_TWICE, "apply_twice")                                                                  \
    X(SKIP_UNDO, "skip_undo")                                                                      \
    X(LEAVE_EARLY, "leave_early")                                                                  \
    X(SKIP_PROJECTION, "skip_projection")                                                          \
    X(LOSE_KEY, "lose_key")                                                                        \
    X(STALE_LIST, "stale_list")                                                                    \
    X(CLOCK_GOES_BACK, "clock_goes_back")                                                          \
    X(FORGET_DEADLINES, "forget_deadlines")                                                        \
    X(EXPIRE_EARLY, "expire_early")                                                                \
    X(POST_TWICE, "post_twice")                                                                    \
    X(CREDIT_WRONG, "credit_wrong")                                                                \
    X(OVERDRAW, "overdraw")                                                                        \
    X(IGNORE_LIMITS, "ignore_limits")                                                              \
    X(FORGET_HOLD, "forget_hold")                                                                  \
    X(CAPTURE_TOO_MUCH, "capture_too_much")                                                        \
    X(REFUND_TOO_MUCH, "refund_too_much")                                                          \
    X(WRONG_SHARD, "wrong_shard")                                                                  \
    X(FORGET_SHARD, "forget_shard")                                                                \
    X(LIST_OWN_SHARD, "list_own_shard")                                                            \
    X(FORGET_NOTIFY, "forget_notify")

enum mutant {
    MUTANT_NONE,
#define X(name, text) MUTANT_##name,
    MUTANT_LIST(X)
#undef X
    MUTANT_COUNT,
};

#ifdef MUTANT_BUGS
extern enum mutant mutant_active;
#define MUTANT(name) (mutant_active == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
