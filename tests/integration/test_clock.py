#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wall clock of the machine is set while payd runs: holds and authorisations end after the time
they were given, and the operator is told."""
import sys

import scenarios
from payd import Client
from scenarios import contains, equal, skip, true, wait_for
from test_faults import FAULTS, Faulty

LIFE_S = 3


def ready(payd):
    with Client(payd) as client:
        return client.get("/health/ready").expect(200).json


def steps(payd):
    """Each shard counts them."""
    with Client(payd) as client:
        text = client.get("/metrics").expect(200).body.decode()
    return max(float(line.split()[1]) for line in text.splitlines()
               if line.startswith("payd_wall_clock_steps_total{"))


def held(payd):
    """A hold and an authorisation that end soon."""
    with payd.bank() as bank:
        ann, bob = bank.open_wallet(funds="50.00"), bank.open_wallet()
        hold = bank.post(f"/wallets/{ann}/holds",
                         {"amount": "10.00", "expires_in_s": LIFE_S}).expect(201).json
        payment = bank.authorise(ann, bob, "5.00", expires_in_s=LIFE_S)
    return ann, hold["hold_id"], payment["payment_id"]


def ended(payd, ann, hold, payment):
    with payd.bank() as bank:
        return (bank.get(f"/wallets/{ann}/holds/{hold}").expect(200).json["status"] == "expired"
                and bank.get(f"/payments/{payment}").expect(200).json["status"] == "expired")


def test_a_clock_set_back_stops_no_expiry(payd):
    made = held(payd)
    payd.order.set_wall_clock(-600)
    wait_for(lambda: steps(payd) == 1, "a step")  # tokens follow the wall clock from here on
    wait_for(lambda: ended(payd, *made), "what was held to come back", 10 * LIFE_S)
    wait_for(lambda: "warning" in ready(payd), "a warning")
    contains(ready(payd)["warning"], "wall clock")
    contains(payd.log(100), "wall_clock_set")


def test_a_clock_set_forward_ends_nothing_early(payd):
    made = held(payd)
    payd.order.set_wall_clock(3600)
    wait_for(lambda: steps(payd) == 2, "another step")  # tokens follow the wall clock from here on
    true(not ended(payd, *made), "what was held to stay")
    wait_for(lambda: ended(payd, *made), "what was held to come back", 10 * LIFE_S)
    payd.order.set_wall_clock(0)
    wait_for(lambda: "warning" not in ready(payd), "no warning")


def test_a_start_takes_the_clock_as_it_is(payd):
    payd.order.set_wall_clock(-600)
    wait_for(lambda: "warning" in ready(payd), "a warning")
    payd.stop()
    payd.order.set_wall_clock(0)
    payd.start()
    true("warning" not in ready(payd), "no warning")


def main():
    if not FAULTS:
        skip("faults.so is not built")
    payd = Faulty()
    try:
        payd.start()
        return scenarios.run(globals(), lambda name: (payd,), payd)
    finally:
        payd.close()


if __name__ == "__main__":
    sys.exit(main())
