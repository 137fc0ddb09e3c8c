"""Addresses counted off from extended keys and stealth meta-addresses, and what is refused.

The vectors were recomputed with eth-account and with the test keys of the ScopeLift and Wraith
libraries.
"""

import hashlib
import hmac
import random

import pytest
from coincurve import PrivateKey, PublicKey
from eth_utils.crypto import keccak

from invoicing import ids
from payments.chain import keys
from payments.chain.addresses import checksummed
from payments.chain.keys import BadKey, MetaAddress, NoSuchChild
from payments.chain.networks import PRESETS

pytestmark = pytest.mark.once

BRANCH = (
    "xpub6DyUKdwoLWmUJ4Tn9Bbsdtx7B5Ws18mEN19e5HT52ikE53FiUheSQXrZUNPovqfyKmw4579A1Mm3GXXKM39N64"
    "uooBfJ4tNAzFsEbodRTx4"
)
FIRST = [
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
]
MNEMONIC = "test test test test test test test test test test test junk"
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

SECRET = b"\xcc" * 32
META = (
    "st:eth:0x033404e82cd2a92321d51e13064ec13a0fb0192a9fdaaca1cfb47b37bd27ec1397"
    "0390ad5eca026c05ab5cf4d620a2ac65241b11df004ddca360e954db1b26e3846e"
)


# A wallet's side, from its private keys, written for these tests alone.


def base58check(payload: bytes) -> str:
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def extended(
    depth: int,
    number: int,
    chain_code: bytes,
    key: bytes,
    version: str = "0488b21e",
) -> str:
    head = bytes.fromhex(version) + bytes([depth]) + bytes(4) + number.to_bytes(4, "big")
    return base58check(head + chain_code + key)


def private_child(secret: PrivateKey, chain_code: bytes, number: int) -> tuple[PrivateKey, bytes]:
    """CKDpriv of BIP-32."""
    head = b"\0" + secret.secret if number >= 2**31 else secret.public_key.format()
    digest = hmac.digest(chain_code, head + number.to_bytes(4, "big"), "sha512")
    return secret.add(digest[:32]), digest[32:]


def wallet(mnemonic: str) -> tuple[PrivateKey, bytes]:
    """The account m/44'/60'/0' of a recovery phrase (BIP-39, BIP-32)."""
    seed = hashlib.pbkdf2_hmac("sha512", mnemonic.encode(), b"mnemonic", 2048)
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    node = (PrivateKey(digest[:32]), digest[32:])
    for number in (44, 60, 0):
        node = private_child(*node, number + 2**31)
    return node


def address_of(secret: PrivateKey) -> str:
    raw = secret.public_key.format(compressed=False)
    return checksummed("0x" + keccak(raw[1:])[-20:].hex())


def meta_of(spend: PrivateKey, view: PrivateKey, name: str = "eth") -> MetaAddress:
    both = spend.public_key.format() + view.public_key.format()
    return keys.parse_meta_address(f"st:{name}:0x{both.hex()}")


def stealth_key(spend: PrivateKey, view: PrivateKey, ephemeral: bytes) -> PrivateKey:
    """The receiver's way to the key: from what is exported and their own two keys."""
    return spend.add(keccak(PublicKey(ephemeral).multiply(view.secret).format()))


# Extended keys


def test_the_receiving_branch_gives_the_wallets_addresses() -> None:
    key = keys.parse_xpub(f" {BRANCH}\n")
    assert [key.address(index) for index in range(3)] == FIRST
    assert (key.text, key.depth, key.testnet) == (BRANCH, 4, False)


def test_the_account_and_its_branch_are_one_line_of_addresses() -> None:
    secret, chain_code = wallet(MNEMONIC)
    account = keys.parse_xpub(extended(3, 2**31, chain_code, secret.public_key.format()))
    branch = keys.parse_xpub(BRANCH)
    assert [account.address(index) for index in range(3)] == FIRST
    assert account.depth == 3
    assert account.fingerprint == branch.fingerprint
    assert len(branch.fingerprint) == 8
    # The control: another account is another line.
    other, code = private_child(secret, chain_code, 1)
    assert keys.parse_xpub(extended(4, 1, code, other.public_key.format())).fingerprint != (
        branch.fingerprint
    )


def test_what_is_counted_off_is_what_the_private_keys_give() -> None:
    chance = random.Random(5564)
    for _ in range(5):
        branch, chain_code = private_child(*wallet(str(chance.random())), 0)
        key = keys.parse_xpub(extended(4, 0, chain_code, branch.public_key.format()))
        for index in (0, 1, chance.randrange(2**31), 2**31 - 1):
            child, _ = private_child(branch, chain_code, index)
            assert key.address(index) == address_of(child)


def test_a_test_key_is_for_test_money() -> None:
    secret, chain_code = wallet(MNEMONIC)
    text = extended(3, 2**31, chain_code, secret.public_key.format(), "043587cf")
    assert text.startswith("tpub")
    key = keys.parse_xpub(text)
    assert key.testnet
    assert key.address(0) == FIRST[0]


@pytest.mark.parametrize("index", [-1, 2**31, 2**32])
def test_no_address_stands_beyond_the_indices(index: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 2147483647"):
        keys.parse_xpub(BRANCH).address(index)


@pytest.mark.parametrize("left", [keys.ORDER, 2**256 - 1])
def test_a_child_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    key = keys.parse_xpub(BRANCH)
    monkeypatch.setattr(keys, "_hmac_sha512", lambda *_: left.to_bytes(32, "big") + bytes(32))
    with pytest.raises(NoSuchChild):
        key.address(7)


def test_a_child_at_infinity_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, chain_code = wallet(MNEMONIC)
    branch, code = private_child(secret, chain_code, 0)
    key = keys.parse_xpub(BRANCH)
    minus = (keys.ORDER - branch.to_int()).to_bytes(32, "big")
    monkeypatch.setattr(keys, "_hmac_sha512", lambda *_: minus + code)
    with pytest.raises(NoSuchChild):
        key.address(7)
    # The control: one more, and it is the point of one.
    one = (keys.ORDER - branch.to_int() + 1).to_bytes(32, "big")
    monkeypatch.setattr(keys, "_hmac_sha512", lambda *_: one + code)
    assert key.address(7) == address_of(PrivateKey.from_int(1))


def _private_keys() -> dict[str, str]:
    secret, chain_code = wallet(MNEMONIC)
    raw = b"\0" + secret.secret
    return {
        "recovery phrase": MNEMONIC,
        "recovery phrase of 24": " ".join([*["zoo"] * 23, "vote"]),
        "recovery phrase by commas": MNEMONIC.replace(" ", ", "),
        "recovery phrase numbered": " ".join(
            f"{at}. {word}" for at, word in enumerate(MNEMONIC.split(), 1)
        ),
        "xprv": extended(3, 2**31, chain_code, raw, "0488ade4"),
        "tprv": extended(3, 2**31, chain_code, raw, "04358394"),
        "zprv": extended(3, 2**31, chain_code, raw, "04b2430c"),
        "xprv cut off": extended(3, 2**31, chain_code, raw, "0488ade4")[:50],
        "private under a public version": extended(3, 2**31, chain_code, raw),
        "hexadecimal": secret.to_hex(),
        "hexadecimal with 0x": f"0x{secret.to_hex().upper()}",
        "WIF": base58check(b"\x80" + secret.secret),
        "WIF compressed": base58check(b"\x80" + secret.secret + b"\1"),
        "WIF of a test net": base58check(b"\xef" + secret.secret + b"\1"),
    }


@pytest.mark.parametrize("kind", _private_keys())
@pytest.mark.parametrize(
    "parse",
    [keys.parse_xpub, keys.parse_meta_address, keys.parse_address],
    ids=lambda p: p.__name__,
)
def test_what_spends_money_is_refused_everywhere_and_not_repeated(parse: object, kind: str) -> None:
    text = _private_keys()[kind]
    with pytest.raises(BadKey, match="Billhook must never hold") as caught:
        parse(f"  {text} ")
    message = str(caught.value)
    assert "consider it as known" in message
    assert "Give the" in message
    assert text not in message
    assert text[4:24] not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with xpub"),
        ("hello", "begins with xpub"),
        (FIRST[0], "no addresses can be counted off"),
        (PRESETS["base"].token, "no addresses can be counted off"),
        (META, "stealth meta-address"),
        (f"ypub{BRANCH[4:]}", "Bitcoin's own kinds"),
        (f"zpub{BRANCH[4:]}", "Bitcoin's own kinds"),
        (f"{BRANCH[:-1]}5", "wrong checksum"),
        (BRANCH[:-1], "wrong checksum"),
        (f"{BRANCH[:40]}T{BRANCH[41:]}", "wrong checksum"),
        (f"{BRANCH[:40]}0{BRANCH[41:]}", "wrong checksum"),
        ("xpub", "wrong checksum"),
        ("xpub1", "wrong checksum"),
        ("xpubé", "wrong checksum"),
    ],
)
def test_what_is_no_extended_key_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadKey) as caught:
        keys.parse_xpub(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("depth", "number"), [(0, 0), (1, 2**31 + 44), (2, 2**31 + 60), (3, 0), (4, 2**31), (5, 0)]
)
def test_a_key_of_another_depth_is_refused(depth: int, number: int) -> None:
    secret, chain_code = wallet(MNEMONIC)
    with pytest.raises(BadKey, match=rf"stands at depth {depth} .*depth 3, m/44'/60'/0'"):
        keys.parse_xpub(extended(depth, number, chain_code, secret.public_key.format()))


def test_a_key_off_the_curve_is_refused() -> None:
    _, chain_code = wallet(MNEMONIC)
    off = b"\2" + (5).to_bytes(32, "big")  # 5^3 + 7 has no square root
    for key in (off, b"\4" + off[1:], b"\2" + b"\xff" * 32):
        with pytest.raises(BadKey, match="not a point of the curve"):
            keys.parse_xpub(extended(4, 0, chain_code, key))


# Stealth addresses


VECTOR_A = (
    "0363721eb9e981558c748b824cb32a840da2b3e8957c2fc3bcb8d9c86cb87456",
    "b52a0555f6a8663d89f00365893b1ef9e38eaf2e8bc48a63319c9ea5cb4a27c5",
    0xDF,
    "0x87Dfee6dB010C166dEFA30F01eb9a451dd2e0aC1",
    "e3451adbaa52ffb36cdb5ccd1c0bda7a8f37ba723441fbf3a1b81a6df59f0c58",
)
VECTOR_B = (
    "20ee8f1366f06926e9e8771d8fb9007a8537c8dfdb6a3f8c2cfd64db19d2ec90",
    "a4b1987d97f5e2e9d8b6fa09ef4c90e751cbe34e08f04dfe49bd335130e5be0c",
    0xDB,
    "0xB82A6dcd7744b56CF40aEC5F37f8BE6e807A4aDF",
    "fc816a92687b6ca8b40fc97f7a7f1bb5b263620100e33ddd20cd6ba1a9e30210",
)
EPHEMERAL = "02b95c249d84f417e3e395a127425428b540671cc15881eb828c17b722a53fc599"


@pytest.mark.parametrize("vector", [VECTOR_A, VECTOR_B], ids="AB")
def test_stealth_addresses_are_those_of_the_wallets_in_use(
    vector: tuple[str, str, int, str, str],
) -> None:
    spend, view = (PrivateKey.from_hex(text) for text in vector[:2])
    made = keys.new_stealth_address(meta_of(spend, view), SECRET)
    assert made.address == vector[3]
    assert made.view_tag == vector[2]
    assert made.ephemeral_public_key.hex() == EPHEMERAL
    assert stealth_key(spend, view, made.ephemeral_public_key).to_hex() == vector[4]


def test_the_vectors_keys_are_written_as_published() -> None:
    spend, view = (PrivateKey.from_hex(text) for text in VECTOR_A[:2])
    assert meta_of(spend, view).text == META
    for secret, public in zip(
        (keccak(b"\xaa" * 32), keccak(b"\xbb" * 32)),
        (
            "02bc6efc20cbf28a8f0d477fccf09fb61045cadef5f7ef9170f9963c9a2c2e674c",
            "020d862d013ae0879118d33d9f922a0687094b8d2ba602b8462813a61915285021",
        ),
        strict=True,
    ):
        assert PrivateKey(secret).public_key.format().hex() == public


def test_the_notebook_that_hashes_otherwise_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """EIP-5564's notebook hashes both coordinates; no wallet in use would find that address."""
    notebook = "0xfEd69Df0a27F1daE0D7430EAd82aaEdfAD6332bb"
    spend, view = PrivateKey.from_int(3), PrivateKey.from_int(2)
    ephemeral = PrivateKey.from_hex(
        "d952fe0740d9d14011fc8ead3ab7de3c739d3aa93ce9254c10b0134d80d26a30"
    )
    made = keys.new_stealth_address(meta_of(spend, view), ephemeral.secret)
    assert made.address == "0x3cB9Af805009ba7A43FF488787BaEAdB31B31D06"
    # The control: it is the hash alone that differs.
    monkeypatch.setattr(
        keys, "keccak", lambda shared: keccak(PublicKey(shared).format(compressed=False)[1:])
    )
    assert keys.new_stealth_address(meta_of(spend, view), ephemeral.secret).address == notebook


def test_the_owner_finds_the_key_of_every_address_that_was_drawn() -> None:
    spend, view = (PrivateKey.from_hex(text) for text in VECTOR_A[:2])
    meta = meta_of(spend, view)
    made = [keys.new_stealth_address(meta) for _ in range(50)]
    assert len({one.address for one in made}) == 50
    for one in made:
        assert address_of(stealth_key(spend, view, one.ephemeral_public_key)) == one.address
        # The control: the viewing key alone, or another's, opens nothing.
        other = stealth_key(view, view, one.ephemeral_public_key)
        assert address_of(other) != one.address


def test_one_key_may_do_for_both() -> None:
    spend = PrivateKey.from_hex(VECTOR_A[0])
    public = spend.public_key.format()
    meta = keys.parse_meta_address(f"st:base:0x{public.hex().upper()}")
    assert (meta.spend, meta.view, meta.short_name) == (public, public, "base")
    assert meta.text == f"st:base:0x{public.hex()}"
    made = keys.new_stealth_address(meta)
    assert address_of(stealth_key(spend, spend, made.ephemeral_public_key)) == made.address


@pytest.mark.parametrize(
    ("name", "testnet"),
    [("eth", False), ("base", False), ("matic", False), ("sep", True), ("basesep", True)]
    + [("matic-amoy", True), ("Fuji", True)],
)
def test_the_short_name_hints_at_test_money(name: str, testnet: bool) -> None:
    assert keys.parse_meta_address(META.replace("eth", name)).testnet == testnet


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is st:, a chain's short name"),
        (META.removeprefix("st:eth:"), "is st:, a chain's short name"),
        (META.replace("eth", ""), "is st:, a chain's short name"),
        (META.replace(":0x", ":"), "is st:, a chain's short name"),
        (f"{META[:-1]}g", "is st:, a chain's short name"),
        (FIRST[0], "is st:, a chain's short name"),
        (BRANCH, "is st:, a chain's short name"),
        (META[:-1], "this one has 131"),
        (f"{META}00", "this one has 134"),
        (META.replace("0x03", "0x04"), "first (spending) key"),
        (META.replace("0390ad", "0490ad"), "last (viewing) key"),
        (META.replace("0390ad", "0090ad"), "last (viewing) key"),
        (f"st:eth:0x02{5:064x}", "first (spending) key"),
        (f"st:eth:0x02{2**256 - 1:064x}", "first (spending) key"),
    ],
)
def test_what_is_no_meta_address_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadKey) as caught:
        keys.parse_meta_address(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [bytes(32), keys.ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\xcc" * 31, b"\xcc" * 33, b""],
)
def test_a_secret_of_no_use_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="a secret of no use"):
        keys.new_stealth_address(keys.parse_meta_address(META), secret)


def test_a_hash_of_no_use_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    spend, view = (PrivateKey.from_hex(text) for text in VECTOR_A[:2])
    infinity = (keys.ORDER - spend.to_int()).to_bytes(32, "big")
    hashes = [bytes(32), keys.ORDER.to_bytes(32, "big"), b"\xff" * 32, infinity, keccak(b"fine")]
    drawn = []

    def draw(count: int) -> bytes:
        drawn.append(count)
        return bytes([len(drawn)]) * count

    monkeypatch.setattr(ids, "random_bytes", draw)
    monkeypatch.setattr(keys, "keccak", lambda _: hashes[len(drawn) - 1])
    made = keys.new_stealth_address(meta_of(spend, view))
    assert drawn == [32] * 5
    assert made.view_tag == keccak(b"fine")[0]
    assert made.ephemeral_public_key == PrivateKey(bytes([5]) * 32).public_key.format()


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_addresses_are_accepted_in_one_case_or_with_the_right_checksum(address: str) -> None:
    for text in (address, address.lower(), f"0x{address[2:].upper()}", f" {address}\n"):
        assert keys.parse_address(text) == address
    flipped = next(at for at in range(2, 42) if address[at].isalpha())
    wrong = address[:flipped] + address[flipped].swapcase() + address[flipped + 1 :]
    with pytest.raises(BadKey, match="its checksum is wrong"):
        keys.parse_address(wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "an address is 0x and 40"),
        (FIRST[0][:-1], "an address is 0x and 40"),
        (f"{FIRST[0]}0", "an address is 0x and 40"),
        (FIRST[0][2:], "an address is 0x and 40"),
        (FIRST[0].replace("0x", "0X"), "an address is 0x and 40"),
        ("0x" + "٣" * 40, "an address is 0x and 40"),
        ("vitalik.eth", "looks up no names"),
        (BRANCH, "not a single address"),
        (META, "not a single address"),
        ("0x" + "0" * 40, "Nobody holds the key"),
        ("0x" + "0" * 39 + "1", "Nobody holds the key"),
        ("0x000000000000000000000000000000000000dead", "Nobody holds the key"),
        (PRESETS["polygon"].token, "the contract of a token"),
        (PRESETS["base"].other_tokens[0].lower(), "the contract of a token"),
    ],
)
def test_what_is_no_wallets_address_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadKey) as caught:
        keys.parse_address(text)
    assert reason in str(caught.value)
