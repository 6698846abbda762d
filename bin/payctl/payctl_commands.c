/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that are more than one message, written by hand; payctl.c appends those that are
 * generated. Help and completion read the same table, so a command cannot lack its help. */
#include "bin/payctl/payctl.h"

static const struct command_option actor_options[] = {
    {"actor", "acc_..., or kind/hex", "The actor.", true, true},
    {"shard", "number",
     "Whose, where several shards have an actor of this name; it is looked for "
     "if absent.",
     false, false},
};
static const struct command_option top_options[] = {
    {"limit", "number", "How many actors, 1 to 100; 20 if absent.", false, false},
    {"once", "bool", "Print once instead of refreshing.", false, false},
};
static const struct command_option verify_options[] = {
    {"data", "path",
     "The data directory of a payd that does not run; without it a running one is "
     "asked.",
     false, false},
};
static const struct command_option batch_options[] = {
    {"batch", "number", "The batch, from 1 on, as ledger verify names it.", true, true},
    {"shard", "number", "Whose journal; 0 if absent.", false, false},
    {"data", "path",
     "The data directory of a payd that does not run; without it a running one is "
     "asked.",
     false, false},
};
static const struct command_option backup_options[] = {
    {"into", "path",
     "The directory to make, or that of an earlier backup, to which only what is new "
     "is added.",
     true, true},
};
static const struct command_option salvage_options[] = {
    {"data", "path",
     "The damaged data directory. No payd runs on it, and nothing in it is changed.", true, true},
    {"into", "path", "The directory to make.", true, true},
    {"until_gap", "bool",
     "Where batches are missing before others, copy of each shard only those before the first that "
     "is missing. Without this word all that is whole is copied, and no payd starts on a journal "
     "with a gap.",
     false, false},
};
static const struct command_option import_options[] = {
    {"file", "path",
     "CSV with a header, or one JSON object per line; - is standard input. The fields of an "
     "account: id, currency, code, flags, user_data_128, user_data_64, user_data_32, "
     "effective_time, debit_balance_max, credit_balance_max, credit_balance_min, name, owner, "
     "metadata. Of a transfer: id, debit_account_id, credit_account_id, amount, currency, "
     "code, flags, pending_id, timeout_s, effective_time, user_data_128, user_data_64, "
     "user_data_32, reason, description, metadata. In CSV metadata is one key=value, in JSON an "
     "object. The ids are the caller's own, acc_... and trf_..., so that the same file may "
     "be imported again.",
     true, true},
};
static const struct command_option bench_options[] = {
    {"accounts", "number", "Accounts to move money between; 1000 if absent.", false, false},
    {"transfers", "number", "Transfers to make; 1000000 if absent.", false, false},
    {"batch", "number", "Transfers of a message, at most 8192; 8000 if absent.", false, false},
    {"outstanding", "number", "Messages at once, at most 64; 4 if absent.", false, false},
    {"currency", "code like USD", "Of the accounts; USD if absent.", false, false},
    {"shard", "number", "Where the accounts live; 0 if absent.", false, false},
};
#define BENCH_DOC                                                                                  \
    "Makes many transfers and tells how fast that was. They are real and stay in the journal: "    \
    "between accounts of their own, which belong to the tenant \"bench\" unless --tenant names "   \
    "another."
static const struct command_option completion_options[] = {
    {"shell", "one of bash, zsh, fish", "The shell.", true, true},
};

#define HAND(NAME, DOC, OPTIONS, RUN)                                                              \
    {                                                                                              \
        {.name = NAME, .doc = DOC, .options = OPTIONS, .option_count = array_len(OPTIONS)}, RUN    \
    }
#define BARE(NAME, DOC, RUN)                                                                       \
    {                                                                                              \
        {.name = NAME, .doc = DOC}, RUN                                                            \
    }

const struct payctl_command payctl_commands[] = {
    HAND("actors top", "Shows the busiest actors and each kind, again every second.", top_options,
         payctl_actors_top),
    HAND("actors suspend", "Lets an actor's messages wait.", actor_options, payctl_actors_control),
    HAND("actors resume",
         "Ends a suspension or a quarantine; what other shards sent meanwhile, and is parked for "
         "the "
         "actor, runs again.",
         actor_options, payctl_actors_control),
    HAND("actors trace", "Logs each turn of an actor.", actor_options, payctl_actors_control),
    HAND("actors untrace", "Logs its turns no longer.", actor_options, payctl_actors_control),
    HAND("actors stop", "Takes an actor out of memory until its next message.", actor_options,
         payctl_actors_control),
    HAND("ledger verify", "Replays the journal from its first batch and checks all of it.",
         verify_options, payctl_verify),
    HAND("ledger show-batch",
         "Shows a batch of the journal: its place in the hash chain and every "
         "event in it. Amounts of an event without a currency are minor units of that of the "
         "transfer beside it.",
         batch_options, payctl_show_batch),
    HAND("store backup",
         "Copies the journal of the payd that runs into a data directory, up to the "
         "newest batch there is when it begins, and verifies the copy. The node goes on serving. A "
         "payd starts on the copy and makes the views anew.",
         backup_options, payctl_backup),
    HAND("store salvage",
         "Copies all batches of a damaged journal that are whole, also those behind "
         "the damage, into a new data directory, and says which are missing. Whole is a batch that "
         "matches its hash. With the exit code 1 something is missing.",
         salvage_options, payctl_salvage),
    HAND("ledger import", "Makes the accounts and transfers of a file; may be repeated.",
         import_options, payctl_import),
    HAND("bench", BENCH_DOC, bench_options, payctl_bench),
    HAND("completion", "Prints a script that completes payctl's commands.", completion_options,
         payctl_completion),
    BARE("version", "Shows the version of payctl.", payctl_version),
    BARE("help", "Shows the commands, or one of them: payctl help wallets fund.", payctl_help),
};
const uint32_t payctl_command_count = array_len(payctl_commands);
