/* SPDX-License-Identifier: Apache-2.0 */
/* Planted bugs: places where the simulator can break the code on purpose, to show that its checkers
 * would notice. Compiled in with PLANT_BUGS only, which the simulator alone defines for its own
 * copy of the files; everywhere else PLANT() is the constant 0. The active bug is one global of the
 * simulator, for apply functions are pure and have no env to find it through. */
#ifndef BASE_PLANT_H
#define BASE_PLANT_H

#define PLANT_LIST(X)                                                                              \
    X(ACK_BEFORE_COMMIT, "ack_before_commit")                                                      \
    X(SKIP_DEDUPE, "skip_dedupe")                                                                  \
    X(ACCEPT_OTHER_BODY, "accept_other_body")                                                      \
    X(FORGET_KEYS_ON_CRASH, "forget_keys_on_crash")                                                \
    X(FORGET_IDS_ON_CRASH, "forget_ids_on_crash")                                                  \
    X(POST_TWICE, "post_twice")                                                                    \
    X(CREDIT_WRONG_ACCOUNT, "credit_wrong_account")                                                \
    X(IGNORE_LIMITS, "ignore_limits")                                                              \
    X(FORGET_HOLD_ON_CRASH, "forget_hold_on_crash")                                                \
    X(FORGET_DEADLINES, "forget_deadlines")                                                        \
    X(EXPIRE_EARLY, "expire_early")                                                                \
    X(CAPTURE_TOO_MUCH, "capture_too_much")                                                        \
    X(REFUND_TWICE, "refund_twice")                                                                \
    X(RELEASE_FAILED, "release_failed_batch")                                                      \
    X(UNKNOWN_IS_SUCCESS, "unknown_is_success")                                                    \
    X(LOSE_LAST_EVENT, "lose_last_event_on_replay")                                                \
    X(SKIP_UNDO, "skip_undo")                                                                      \
    X(STALE_LOAD, "stale_load_after_passivation")                                                  \
    X(SKIP_PROJECTION, "projector_skips_batch")                                                    \
    X(STALE_LIST, "list_before_projected")                                                         \
    X(CLOCK_GOES_BACK, "clock_goes_back")

enum plant {
    PLANT_NONE,
#define X(name, text) PLANT_##name,
    PLANT_LIST(X)
#undef X
    PLANT_COUNT,
};

#ifdef PLANT_BUGS
extern enum plant plant_active;
#define PLANT(name) (plant_active == PLANT_##name)
#else
#define PLANT(name) 0
#endif

#endif
