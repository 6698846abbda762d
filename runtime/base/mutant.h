/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants: places where a test can break the code on purpose, to show that its checks would notice:
 * the simulator, and for what no simulated store has the model test of keys
 * (tests/unit/test_key_model.c). Compiled in with MUTANT_BUGS only, which these alone define for
 * their own copies of the files; everywhere else MUTANT() is the constant 0. The active bug is one
 * global of the test, for apply functions are pure and have no env to find it through. */
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
    X(FORGET_EARLY_IDS, "forget_early_ids")                                                        \
    X(LOSE_TAIL, "lose_tail")                                                                      \
    X(LOSE_EVENT, "lose_event")                                                                    \
    X(APPLY_TWICE, "apply_twice")                                                                  \
    X(SKIP_UNDO, "skip_undo")                                                                      \
    X(KEEP_PRINCIPALS, "keep_principals")                                                          \
    X(LEAVE_EARLY, "leave_early")                                                                  \
    X(SKIP_PROJECTION, "skip_projection")                                                          \
    X(STALE_LIST, "stale_list")                                                                    \
    X(CLOCK_GOES_BACK, "clock_goes_back")                                                          \
    X(CLOCK_FOLLOWS, "clock_follows")                                                              \
    X(FORGET_DEADLINES, "forget_deadlines")                                                        \
    X(EXPIRE_EARLY, "expire_early")                                                                \
    X(POST_TWICE, "post_twice")                                                                    \
    X(CREDIT_WRONG, "credit_wrong")                                                                \
    X(OVERDRAW, "overdraw")                                                                        \
    X(IGNORE_LIMITS, "ignore_limits")                                                              \
    X(FORGET_HOLD, "forget_hold")                                                                  \
    X(CAPTURE_TOO_MUCH, "capture_too_much")                                                        \
    X(REFUND_TOO_MUCH, "refund_too_much")                                                          \
    X(COUNT_BEFORE_ACCOUNT, "count_before_account")                                                \
    X(COUNT_BEFORE_ORIGINAL, "count_before_original")                                              \
    X(IMPORT_BACKWARDS, "import_backwards")                                                        \
    X(RESOLVE_MANAGED, "resolve_managed")                                                          \
    X(REVERSE_MANAGED, "reverse_managed")                                                          \
    X(CHANGE_MANAGED, "change_managed")                                                            \
    X(ADJUST_FREELY, "adjust_freely")                                                              \
    X(ADJUST_SILENTLY, "adjust_silently")                                                          \
    X(WRONG_SHARD, "wrong_shard")                                                                  \
    X(FORGET_SHARD, "forget_shard")                                                                \
    X(LIST_OWN_SHARD, "list_own_shard")                                                            \
    X(FORGET_NOTIFY, "forget_notify")                                                              \
    X(LISTS_IN_ORDER, "lists_in_order")                                                            \
    X(WAIT_FOR_THE_GONE, "wait_for_the_gone")                                                      \
    X(RESUME_SKIPS, "resume_skips")                                                                \
    X(ACCEPT_GAP, "accept_gap")                                                                    \
    X(FORGET_OUTBOX, "forget_outbox")                                                              \
    X(FORGET_SENT, "forget_sent")                                                                  \
    X(FORGET_MARK, "forget_mark")                                                                  \
    X(IGNORE_MARKS, "ignore_marks")                                                                \
    X(FORGET_COPY, "forget_copy")                                                                  \
    X(TELL_NO_COPIES, "tell_no_copies")                                                            \
    X(PROVIDER_BEFORE_PERSON, "provider_before_person")                                            \
    X(OLDER_REPLACES, "older_replaces")                                                            \
    X(BELIEVE_JUMPS, "believe_jumps")                                                              \
    X(CONFIRM_ALONE, "confirm_alone")                                                              \
    X(ROUND_FOR_CUSTOMER, "round_for_customer")                                                    \
    X(IGNORE_LIVES, "ignore_lives")                                                                \
    X(BELIEVE_LATE_MARKS, "believe_late_marks")                                                    \
    X(DROP_PARKED, "drop_parked")                                                                  \
    X(PASS_PARKED, "pass_parked")                                                                  \
    X(FORGET_ASKS, "forget_asks")                                                                  \
    X(ASK_TWICE, "ask_twice")                                                                      \
    X(FORGET_WAITERS, "forget_waiters")                                                            \
    X(ANSWER_ASK_EARLY, "answer_ask_early")                                                        \
    X(CLOSE_WITHOUT_KEY, "close_without_key")                                                      \
    X(PENDING_IS_EXPIRED, "pending_is_expired")                                                    \
    X(UNDO_FORGETS_SENDS, "undo_forgets_sends")                                                    \
    X(EXPIRE_CAPTURED, "expire_captured")                                                          \
    X(CAPTURE_AGAIN, "capture_again")                                                              \
    X(KEEP_DEBIT, "keep_debit")                                                                    \
    X(KEEP_NOTHING, "keep_nothing")                                                                \
    X(RESERVE_TWICE, "reserve_twice")                                                              \
    X(DECIDE_BLINDLY, "decide_blindly")                                                            \
    X(REFUSE_SILENTLY, "refuse_silently")                                                          \
    X(FOLLOW_ALL, "follow_all")                                                                    \
    X(FORGET_TRANSIT, "forget_transit")                                                            \
    X(EXPIRE_CAPTURING, "expire_capturing")                                                        \
    X(REFUND_AGAIN, "refund_again")                                                                \
    X(FORGET_FOLLOWED, "forget_followed")                                                          \
    X(FORGET_DECIDED, "forget_decided")                                                            \
    X(SHOW_KEPT, "show_kept")                                                                      \
    X(KEEP_REFUSED, "keep_refused")                                                                \
    X(KEEP_TAKEN_BACK, "keep_taken_back")                                                          \
    X(REVERSE_AGAIN, "reverse_again")                                                              \
    X(REVERSE_OTHER, "reverse_other")                                                              \
    X(POST_AGAIN, "post_again")                                                                    \
    X(OTHER_SIDE_TIMER, "other_side_timer")                                                        \
    X(EXPIRE_POSTING, "expire_posting")                                                            \
    X(FORGET_ENDED, "forget_ended")                                                                \
    X(KEPT_IS_MADE, "kept_is_made")                                                                \
    X(ANSWER_LIST_EARLY, "answer_list_early")                                                      \
    X(CODE_TO_NEIGHBOUR, "code_to_neighbour")                                                      \
    X(AWAIT_RIVAL, "await_rival")                                                                  \
    X(FORGET_ATTACHED, "forget_attached")                                                          \
    X(MIDDLE_DECIDES, "middle_decides")                                                            \
    X(TELL_HOME_ALONE, "tell_home_alone")                                                          \
    X(FOLLOW_RECHECKS, "follow_rechecks")                                                          \
    X(MAKE_ITEM_TWICE, "make_item_twice")                                                          \
    X(SPEND_EARMARKED, "spend_earmarked")                                                          \
    X(KEEP_SUM, "keep_sum")                                                                        \
    X(FOLLOW_REFUSED, "follow_refused")                                                            \
    X(REVERSE_MEANWHILE, "reverse_meanwhile")                                                      \
    X(FORGET_REVERSED, "forget_reversed")                                                          \
    X(TELL_NOBODY, "tell_nobody")                                                                  \
    X(FORGET_END, "forget_end")                                                                    \
    X(SPEND_HELD, "spend_held")

/* Of the sorted runs that the embedded store keeps keys in. */
#define MUTANT_LIST_KEYS(X)                                                                        \
    X(LOSE_KEY, "lose_key")                                                                        \
    X(OLD_KEY_WINS, "old_key_wins")                                                                \
    X(MERGE_ENDS_EARLY, "merge_ends_early")

enum mutant {
    MUTANT_NONE,
#define X(name, text) MUTANT_##name,
    MUTANT_LIST(X)
#undef X
    MUTANT_COUNT, /* of the simulator's, 0 included */
#define X(name, text) MUTANT_##name,
    MUTANT_LIST_KEYS(X)
#undef X
    MUTANT_END,
};

#ifdef MUTANT_BUGS
extern enum mutant mutant_active;
#define MUTANT(name) (mutant_active == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
