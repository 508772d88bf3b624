"""
What benchmarks send to answers in the provider's own form: the adapter finds everything accepted.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from sendyard.cli.bench.yard import number
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.providers.contract import Accepted, Call, Outgoing
from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.registry import adapter, emulators

TARGETS = [slug for slug, emulator in emulators().items() if isinstance(emulator, LoadTarget)]


@pytest.mark.parametrize("slug", TARGETS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_target_accepts_every_message_under_an_id_of_its_own(slug: str, count: int) -> None:
    sends, emulator = adapter(slug), emulators()[slug]
    assert isinstance(emulator, LoadTarget)
    account = sends.Account.model_validate(
        {**emulator.sample_account, "base_url": f"http://x.test{emulator.base_path}"}
    )
    country = next(iter(sorted(sends.spec.countries)), "US")
    references: list[str] = []
    for start in range(0, count, sends.spec.batch.limit):
        batch = [
            Outgoing(
                f"m{index}",
                f"r{index}",
                Channel.SMS,
                Address.phone(number(country if country != "US" else "", index)),
                emulator.sample_sender,
                Text(f"text {index}"),
                country=country,
            )
            for index in range(start, min(count, start + sends.spec.batch.limit))
        ]
        call = Call(account, datetime(2026, 11, 21, tzinfo=UTC), "n", f"x{start}")
        request = sends.build_submit(call, batch)
        parts = urlsplit(request.url)
        seen = EmulatedRequest(request.method, parts.path, parts.query, {}, request.body, call.now)
        receipts = sends.parse_submit(batch, emulator.accept_all(seen, start + 1))
        accepted = [receipt for receipt in receipts if isinstance(receipt, Accepted)]
        assert [receipt.message_id for receipt in accepted] == [outgoing.message_id for outgoing in batch]
        references += [receipt.provider_ref for receipt in accepted]
    assert len(set(references)) == count
    assert all(references)
