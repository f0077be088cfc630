package relay

import (
	"slices"

	"dnseal/smime/message"
)

// has8Bit reads the message as it would go out.
func has8Bit(m *message.Message, e *message.Edit) (bool, error) {
	var w eightBit
	_, err := m.WriteEdited(&w, e)
	return bool(w), err
}

type eightBit bool

// Write implements io.Writer.
func (w *eightBit) Write(p []byte) (int, error) {
	if !bool(*w) {
		*w = eightBit(slices.IndexFunc(p, func(b byte) bool { return b >= 0x80 }) >= 0)
	}
	return len(p), nil
}
