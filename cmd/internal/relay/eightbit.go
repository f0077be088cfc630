package relay

import (
	"context"
	"errors"
	"slices"

	"dnseal/smime/message"
)

// ErrEightBit says that a message has 8-bit content that cannot be converted.
var ErrEightBit = errors.New("relay: 8-bit content for a next hop of 7 bits")

// to7Bit converts the message, as it would go out, for a next hop that accepts no 8-bit content
// (RFC 6152, Section 3). It returns m and e where they have none, else a new message and its edit,
// which the caller closes. Errors: ErrEightBit, else what the spool returned.
func (s *session) to7Bit(ctx context.Context, m *message.Message, e *message.Edit) (*message.Message, *message.Edit, error) {
	eight, err := has8Bit(m, e)
	if err != nil || !eight {
		return m, e, err
	}
	if s.srv.opts.SevenBit == nil {
		return nil, nil, ErrEightBit
	}
	spool := message.NewSecretSpool(0) // it may have been decrypted
	if _, err = m.WriteEdited(spool, e); err != nil {
		return nil, nil, errors.Join(err, spool.Close())
	}
	whole, err := message.FromSpool(spool, message.ReadOptions{})
	if err != nil {
		return nil, nil, err
	}
	edit, err := s.srv.opts.SevenBit(ctx, whole)
	if err == nil {
		// 8-bit text in the header stays as it is.
		if eight, err = has8Bit(whole, edit); eight {
			err = ErrEightBit
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, edit.Close(), whole.Close())
	}
	return whole, edit, nil
}

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
