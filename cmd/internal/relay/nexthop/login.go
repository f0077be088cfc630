package nexthop

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// logIn says under which DNS name our certificate is to be found (SASL EXTERNAL: RFC 4422, Appendix
// A; RFC 4954), where we have one and the next hop asks for it.
func (c *Client) logIn() error {
	if c.opts.Name == "" || !c.tls {
		return nil
	}
	mechanisms := strings.Fields(strings.ToUpper(c.ext["AUTH"]))
	if !slices.Contains(mechanisms, "EXTERNAL") {
		return nil
	}
	r, err := c.Command("AUTH EXTERNAL " + base64.StdEncoding.EncodeToString([]byte(c.opts.Name)))
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("answers AUTH EXTERNAL as %s with %s", c.opts.Name, r)
	}
	return nil
}
