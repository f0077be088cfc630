package handover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"dnseal/sender/identity"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// Check reads a file that this giver made, without the DNS: the signature has to be by the key that
// he has now. A giver finds out by it what he has made already; a taker has to use [Read]. Errors:
// as Read.
func Check(ctx context.Context, r io.Reader, giver *identity.Identity) (*Header, error) {
	content := message.NewSpool(MaxContent)
	defer func() { _ = content.Close() }()
	sd, err := readSignedData(r, content)
	if err != nil {
		return nil, err
	}
	cert, err := checkSignature(sd, giver)
	if err == nil && !cert.Equal(giver.Certificate) {
		err = fmt.Errorf("it is by another certificate than %s has now", giver.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("handover: %w: %w", ErrNotProven, err)
	}
	return readContent(ctx, content, nil)
}

// readSignedData reads a SignedData with its content inside, and one signature.
func readSignedData(r io.Reader, content *message.Spool) (*cms.SignedData, error) {
	in := bufio.NewReader(r)
	if _, err := in.Peek(1); errors.Is(err, io.EOF) {
		return nil, identity.WithHint(errors.New("handover: it is empty"), "ask the giver for the file again")
	}
	sd, err := cms.Read(in, content)
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !sd.Attached:
		return nil, errors.New("handover: it is a signature without its content, and no hand-over")
	case len(sd.Signers) != 1:
		return nil, fmt.Errorf("handover: %w: it has %d signatures; one is wanted", ErrNotProven, len(sd.Signers))
	}
	return sd, nil
}
