package main

import (
	"keepone/config"
	"keepone/harden"
	"keepone/install"
)

// hardening makes a sandbox of what a site's configuration says it needs.
func hardening(c *config.Config) install.Sandbox {
	return install.Sandbox{
		DropIn: harden.DropIn(harden.Site{
			Directory: c.Backend.Directory, Socket: c.Socket.Path, Output: c.OutputTo("journal"), History: c.Memory.History,
			Limits: c.Limits != (config.Limits{}),
		}),
		Units: map[string]string{harden.TmpFile: harden.TmpUnit},
	}
}
