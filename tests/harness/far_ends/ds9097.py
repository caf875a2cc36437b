"""A DS9097 adapter with DS18B20 thermometers on a pseudo-terminal, for the real `digitemp_DS9097`.

The adapter is passive: each byte is one time slot of the 1-Wire bus. 0xF0 is a reset, which comes back unchanged if
nobody is there; 0xFF writes a 1 or reads, 0x00 writes a 0, and the lowest bit of the reply is the level of the bus.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from tests.harness.far_ends.pseudo_terminal import PseudoTerminal

RESET, PRESENCE = 0xF0, 0xE0
SEARCH_ROM, READ_ROM, MATCH_ROM, SKIP_ROM = 0xF0, 0x33, 0x55, 0xCC
READ_SCRATCHPAD = 0xBE
DS18B20 = 0x28
Slots = Generator[int, int, None]
"""Yields the level that the thermometers leave for a slot, and is sent the bit that the master wrote."""


@dataclass(slots=True)
class Thermometer:
    rom: bytes
    celsius: float
    has_crc_error: bool = False

    def scratchpad(self) -> bytes:
        raw = round(self.celsius * 16).to_bytes(2, "little", signed=True)
        content = raw + bytes([0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10])
        return content + bytes([crc8(content) ^ (0x5A if self.has_crc_error else 0)])


class Ds9097(PseudoTerminal):
    """Safe to control from any thread: each change is one assignment, and applies from the next slot on."""

    def __init__(self, *celsius: float) -> None:
        """One thermometer for each temperature."""
        self.addressed: list[str] = []
        """The ROMs that were asked, once for each time."""
        self._thermometers: dict[str, Thermometer] = {}
        self._silent = False
        self._slots: Slots = self._idle()
        self._level = next(self._slots)
        for value in celsius:
            self.add(value)
        super().__init__(forgets=True)

    @property
    def roms(self) -> list[str]:
        """As digitemp prints them, in the order in which they were added."""
        return list(self._thermometers)

    def add(self, celsius: float) -> str:
        serial = bytes([DS18B20]) + (0x49960200 + len(self._thermometers)).to_bytes(6, "little")
        rom = serial + bytes([crc8(serial)])
        self._thermometers = {**self._thermometers, rom.hex().upper(): Thermometer(rom, celsius)}
        return rom.hex().upper()

    def set_temperature(self, celsius: float, rom: str = "") -> None:
        """Of the first thermometer if `rom` is empty. 85.0 and -127.0 are what a DS18B20 gives after its power failed,
        and what some libraries give without one."""
        self._thermometers[rom or self.roms[0]].celsius = celsius

    def break_crc(self, rom: str = "", *, broken: bool = True) -> None:
        self._thermometers[rom or self.roms[0]].has_crc_error = broken

    def remove(self, rom: str = "") -> None:
        removed = rom or self.roms[0]
        self._thermometers = {name: found for name, found in self._thermometers.items() if name != removed}

    def go_silent(self, *, silent: bool = True) -> None:
        """The adapter answers nothing, not even a reset."""
        self._silent = silent

    def receive(self, content: bytes) -> None:
        if not self._silent:
            self.send(bytes(self._answer(byte) for byte in content))

    def _answer(self, byte: int) -> int:
        if byte == RESET:
            self._slots = self._transaction()
            self._level = next(self._slots)
            return PRESENCE if self._thermometers else RESET
        written = byte & 1
        bit = written & self._level
        self._level = self._slots.send(bit)
        return 0xFF if bit else 0xFE & byte

    def _transaction(self) -> Slots:
        here = list(self._thermometers.values())
        command = yield from read_byte()
        if command == SEARCH_ROM:
            yield from self._search([int.from_bytes(found.rom, "little") for found in here])
        if command == MATCH_ROM:
            rom = b""
            for _ in range(8):
                rom += bytes([(yield from read_byte())])
            self.addressed.append(rom.hex().upper())
            here = [found for found in here if found.rom == rom]
        if command == READ_ROM and here:
            yield from write_bytes(here[0].rom)
        if command in {MATCH_ROM, SKIP_ROM} and (yield from read_byte()) == READ_SCRATCHPAD and here:
            yield from write_bytes(here[0].scratchpad())
        yield from self._idle()

    def _search(self, here: list[int]) -> Slots:
        for place in range(64):
            bits = [rom >> place & 1 for rom in here]
            yield int(all(bits))
            yield int(not any(bits))
            direction = yield 1
            here = [rom for rom in here if rom >> place & 1 == direction]

    def _idle(self) -> Slots:
        while True:
            yield 1


def read_byte() -> Generator[int, int, int]:
    value = 0
    for place in range(8):
        value |= (yield 1) << place
    return value


def write_bytes(content: bytes) -> Slots:
    for byte in content:
        for place in range(8):
            yield byte >> place & 1


def crc8(content: bytes) -> int:
    """Of 1-Wire: x^8 + x^5 + x^4 + 1, lowest bit first."""
    crc = 0
    for byte in content:
        for place in range(8):
            mixed = (crc ^ byte >> place) & 1
            crc = crc >> 1 ^ (0x8C if mixed else 0)
    return crc
