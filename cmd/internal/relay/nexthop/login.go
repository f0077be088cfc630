package nexthop

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// logIn names the owner of our certificate's TLSA records (SASL EXTERNAL: RFC 4422, Appendix A),
// where we have a certificate and the next hop offers that.
func (c *Client) logIn() error {
	// RFC 4954, Section 3: the mechanisms follow the keyword.
	if c.opts.Name == "" || !c.tls || !slices.Contains(strings.Fields(strings.ToUpper(c.ext["AUTH"])), "EXTERNAL") {
		return nil
	}
	// RFC 4954, Section 4: the name goes as an initial response.
	r, err := c.Command("AUTH EXTERNAL " + base64.StdEncoding.EncodeToString([]byte(c.opts.Name)))
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("answers AUTH EXTERNAL as %s with %s", c.opts.Name, r)
	}
	return nil
}
