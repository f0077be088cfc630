package lookup

import "dnseal/lookup/dnssec"

// Exchanger asks the resolvers of the client as its lookups do, but for the cache, the lists and
// the limits of lookups under way. Nothing is validated: [Client.Validator] does that.
func (c *Client) Exchanger() dnssec.Exchanger {
	c.follow()
	return &exchanger{client: c.transport}
}

// Validator validates the answers of x with the client's trust anchors and clock, whatever the mode
// is, and follows aliases to where its lists allow. It has no cache. It is the caller's to change,
// before its first use.
func (c *Client) Validator(x dnssec.Exchanger) *dnssec.Validator {
	v := c.trust.Load().validator
	v.Exchanger, v.Keys, v.Signatures = x, nil, nil
	return &v
}
