"""Values that a file keeps packed: unpacked when somebody asks, packed again only if need be."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Packed(Generic[Value]):
    """A value, its bytes, or both; each is made from the other the first time it is wanted.

    Parameters
    ----------
    pack, unpack : callables
        Value to bytes and back.
    value, data
        At least one of them; instead of the data, what fetches them.
    """

    def __init__(
        self,
        pack: Callable[[Value], bytes],
        unpack: Callable[[bytes], Value],
        *,
        value: Value | None = None,
        data: bytes | Callable[[], bytes] | None = None,
    ) -> None:
        assert value is not None or data is not None
        self._pack, self._unpack = pack, unpack
        self._value = value
        self._load = data if callable(data) else None
        self._data = None if callable(data) else data

    @property
    def is_unpacked(self) -> bool:
        """Whether `value` has been asked for, or was there from the start."""
        return self._value is not None

    @property
    def value(self) -> Value:
        """The value; unpacking may raise what `unpack` raises."""
        if self._value is None:
            self._value = self._unpack(self.data)
        return self._value

    @property
    def data(self) -> bytes:
        """The bytes as of the last packing; `repacked` follows a value that was changed."""
        if self._data is None:
            self._data = self.repacked() if self._load is None else self._load()
        return self._data

    def repacked(self) -> bytes:
        """The bytes of the value as it is now."""
        return self._pack(self.value)
