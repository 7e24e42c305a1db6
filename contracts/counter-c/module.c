/* A counter in C: one number that anybody may raise.
 *
 * pollen.h is generated from wit/ by `pollen build`: the host's functions (pollen_host_...), and those that
 * this file must define (exports_...). Values in storage and events are in the ledger's encoding, which for
 * integers is the machine's own. */
#include "pollen.h"
#include <string.h>

static uint8_t KEY[1] = {'v'};

/* Ends the call: all that it wrote is undone and the message stands in the receipt. */
static _Noreturn void die(const char *message) {
    pollen_string_t text;
    pollen_string_set(&text, message);
    pollen_host_control_abort(&text);
    __builtin_unreachable();
}

static uint64_t value(void) {
    pollen_host_types_bytes_t key = {KEY, sizeof KEY}, stored;
    if (!pollen_host_storage_get(&key, &stored)) return 0;
    uint64_t number;
    if (stored.len != sizeof number) die("the stored value is not 8 bytes");
    memcpy(&number, stored.ptr, sizeof number);
    return number;
}

static void set_value(uint64_t number) {
    pollen_host_types_bytes_t key = {KEY, sizeof KEY}, stored = {(uint8_t *)&number, sizeof number};
    pollen_host_storage_set(&key, &stored);
}

void exports_pollen_counter_commands_init(uint64_t start) { set_value(start); }

bool exports_pollen_counter_commands_increment(uint64_t by, uint64_t *ret,
                                               exports_pollen_counter_commands_error_t *err) {
    uint64_t sum;
    if (__builtin_add_overflow(value(), by, &sum)) {
        *err = EXPORTS_POLLEN_COUNTER_COMMANDS_ERROR_OVERFLOW;
        return false;
    }
    set_value(sum);

    /* The record `incremented` of the interface `events`: its fields in order. */
    uint64_t event[2] = {by, sum};
    pollen_string_t name;
    pollen_string_set(&name, "incremented");
    pollen_host_events_list_bytes_t topics = {NULL, 0};
    pollen_host_types_bytes_t data = {(uint8_t *)event, sizeof event};
    pollen_host_events_emit(&name, &topics, &data);

    *ret = sum;
    return true;
}

uint64_t exports_pollen_counter_queries_get(void) { return value(); }
