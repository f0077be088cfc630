package sasl

import (
	"context"
	"unicode/utf8"
)

// beginLogin is SASL LOGIN, which no standard has: draft-murchison-sasl-login-00 describes it, with
// other prompts than all servers send. There are devices that know nothing else.
func (p *passwords) beginLogin(_ context.Context, c Client) (Exchange, error) {
	return &loginExchange{passwords: p, client: c}, nil
}

type loginExchange struct {
	*passwords
	client Client
	name   string // empty: it has not come yet
}

func (*loginExchange) Close() {}

// Step implements Exchange: a name, which may be the initial response, then a password.
func (x *loginExchange) Step(ctx context.Context, response []byte) ([]byte, *Principal, error) {
	switch {
	case response == nil:
		return []byte("Username:"), nil, nil
	case len(response) == 0 || len(response) > maxPassword || !utf8.Valid(response):
		return nil, nil, ErrResponse
	case x.name == "":
		x.name = string(response)
		return []byte("Password:"), nil, nil
	}
	ok, err := x.check(ctx, x.client, x.name, string(response))
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, denied(causePassword, "wrong name or password")
	}
	return nil, &Principal{User: x.name}, nil
}
