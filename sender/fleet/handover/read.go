package handover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"dnseal/lookup"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// ErrNotProven says that a file is not what this giver signed for this taker, or that the DNS does
// not vouch for the giver's key: it is of no use.
var ErrNotProven = errors.New("not proven")

// ErrUndecided says that the DNS did not tell whether the key is the giver's: try again.
var ErrUndecided = errors.New("could not be decided")

// ReadOptions are for Read.
type ReadOptions struct {
	// Giver is the name that has to have signed. Mandatory: whom to trust cannot come out of the
	// file.
	Giver string
	// Taker is who reads: a file for another is refused. Empty: only files for nobody in
	// particular are accepted.
	Taker string
	// Lookup fetches the giver's records, validated. Mandatory.
	Lookup lookup.Resolver
	// Now is the time of validation; zero: time.Now.
	Now time.Time
}

// Read reads one file and calls each for its entries, in their order, once all was found right: the
// signature over the whole content, the records of the giver, the header, the number of entries and
// each of them. Memory does not grow with the file: its content is spooled, 256 KiB in memory.
//
// Errors: [ErrNotProven], [ErrUndecided]; what is no hand-over or is over a limit; that of ctx;
// what r, the file system or each returned. But for the last, each was not called.
func Read(ctx context.Context, r io.Reader, opts ReadOptions, each func(*Header, Entry) error) (*Header, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	content := message.NewSpool(MaxContent)
	defer func() { _ = content.Close() }()
	sd, err := readSignedData(r, content)
	if err != nil {
		return nil, err
	}
	if err = proveGiver(ctx, sd, &opts); err != nil {
		return nil, err
	}
	h, err := readContent(ctx, content, nil)
	if err == nil {
		err = opts.accept(h)
	}
	if err == nil {
		_, err = readContent(ctx, content, each)
	}
	return h, err
}

// unreadable says of a file that is no SignedData what it may be.
func unreadable(err error) error {
	if errors.Is(err, message.ErrTooBig) {
		return fmt.Errorf("handover: its content is larger than %d bytes", MaxContent)
	}
	if errors.As(err, new(*cms.SyntaxError)) || errors.As(err, new(*cms.LimitError)) || errors.As(err, new(*cms.ContentTypeError)) {
		return identity.WithHint(errors.New("handover: it is no hand-over, or was cut or changed"), "ask the giver for the file again")
	}
	return fmt.Errorf("handover: %w", err)
}

// accept says whether a header is for us.
func (o *ReadOptions) accept(h *Header) error {
	switch {
	case h.Giver != o.Giver:
		return fmt.Errorf("handover: %w: it names %s as the giver, and %s signed", ErrNotProven, h.Giver, o.Giver)
	case h.Taker != "" && h.Taker != o.Taker:
		return fmt.Errorf("handover: %w: it is for %s", ErrNotProven, h.Taker)
	case h.At.After(o.Now.Add(5 * time.Minute)):
		return fmt.Errorf("handover: %w: it is of %s, which is in the future", ErrNotProven, h.At.UTC().Format(time.RFC3339))
	}
	return nil
}

// readContent reads the lines of the content, and checks all of them. With each nil that is all;
// what was checked does not change until it is handed out, because nobody else has the spool.
func readContent(ctx context.Context, content *message.Spool, each func(*Header, Entry) error) (*Header, error) {
	lines := bufio.NewReaderSize(content.Open(), MaxLine)
	var h Header
	if err := next(lines, &h); err != nil {
		return nil, fmt.Errorf("handover: its first line: %w", err)
	}
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	for i := 1; i <= h.Entries; i++ {
		var e Entry
		err := next(lines, &e)
		if err == nil {
			err = e.check(&h)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("handover: entry %d: %w", i, err)
		}
		if each == nil {
			continue
		}
		if err := each(&h, e); err != nil {
			return &h, err
		}
	}
	if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("handover: it has more than the %d entries that its first line says", h.Entries)
	}
	return &h, nil
}

// next reads a line, which must end and hold one object of known fields.
func next(lines *bufio.Reader, v any) error {
	text, err := lines.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("it is longer than %d octets", MaxLine)
	case errors.Is(err, io.EOF):
		return errors.New("it is missing")
	case err != nil:
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("it is malformed: %w", err)
	}
	if d.More() {
		return errors.New("there is more than one object on it")
	}
	return nil
}
