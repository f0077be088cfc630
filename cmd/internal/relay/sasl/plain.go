package sasl

import (
	"bytes"
	"context"
	"unicode/utf8"
)

// maxWaiting is how many logins may wait for their turn at the hash function.
const maxWaiting = 32

// passwords is SASL PLAIN (RFC 4616) against a users file. One hash is computed at a time: each
// needs 19 MiB.
type passwords struct {
	users users
	none  hash          // for names that do not exist, so that they cost the same
	queue chan struct{} // those that wait or compute
	turn  chan struct{}
}

func newPasswords(users users) *passwords {
	return &passwords{
		users: users,
		none:  hash{salt: make([]byte, saltLength), sum: make([]byte, hashLength)},
		queue: make(chan struct{}, maxWaiting),
		turn:  make(chan struct{}, 1),
	}
}

func (p *passwords) begin(_ context.Context, c Client) (Exchange, error) {
	return plainExchange{p, c}, nil
}

type plainExchange struct {
	*passwords
	client Client
}

func (plainExchange) Close() {}

// Step implements Exchange.
func (x plainExchange) Step(ctx context.Context, response []byte) ([]byte, *Principal, error) {
	if response == nil {
		// RFC 4954, Section 4: PLAIN begins with the client, so this challenge is empty.
		return []byte{}, nil, nil
	}
	// RFC 4616, Section 2: authzid NUL authcid NUL passwd, in UTF-8; only the first may be empty.
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 || len(response) > 3*maxPassword || !utf8.Valid(response) {
		return nil, nil, ErrResponse
	}
	authzid, name, password := string(parts[0]), string(parts[1]), string(parts[2])
	ok, err := x.check(ctx, x.client, name, password)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, denied(causePassword, "wrong name or password")
	// RFC 4422, Section 3.4.1: an authorization identity, which only the user itself may be.
	case authzid != "" && authzid != name:
		return nil, nil, denied(causeActsAs, "%q may not act as another user", name)
	}
	return nil, &Principal{User: name}, nil
}

// check waits for its turn and compares.
func (p *passwords) check(ctx context.Context, c Client, name, password string) (bool, error) {
	if err := c.claim(name); err != nil {
		return false, err
	}
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	default:
		return false, unavailable("%d logins wait already", maxWaiting)
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return false, unavailable("%w", ctx.Err())
	}
	h, exists := p.users[name]
	if !exists {
		h = p.none
	}
	// No password has the hash of a missing user; the answer does not depend on that alone.
	return h.matches(password) && exists, nil
}
