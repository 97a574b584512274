// Package initscripts holds what init systems run, as text: for keepone-setup
// install, for the packages and for tests. In each the program is
// /usr/bin/keepone.
package initscripts

import _ "embed"

// Unit is the systemd unit keepone@.service: keepone@web2py runs the backend of
// /etc/keepone/web2py.toml.
//
//go:embed keepone@.service
var Unit string

// MetricsSocket is keepone-metrics.socket, which systemd listens at for Prometheus.
//
//go:embed keepone-metrics.socket
var MetricsSocket string

// MetricsUnit is keepone-metrics@.service, one answer at MetricsSocket.
//
//go:embed keepone-metrics@.service
var MetricsUnit string

// LSB is the script /etc/init.d/keepone for SysV, with several backends and the
// exit codes of the Linux Standard Base, "Init Script Actions".
//
//go:embed keepone.init
var LSB string

// Default is /etc/default/keepone, which names the backends that LSB starts.
//
//go:embed keepone.default
var Default string

// OpenRC is the script of the service keepone.NAME, /etc/init.d/keepone.NAME; see
// openrc-run(8).
//
//go:embed keepone.openrc
var OpenRC string

// Run is run of the runit service keepone-NAME, /etc/sv/keepone-NAME/run; see
// runsv(8).
//
//go:embed keepone.run
var Run string

// Finish is finish beside Run.
//
//go:embed keepone.finish
var Finish string

// Inittab is what a line of /etc/inittab looks like, in which NAME is to be
// replaced, and why; see inittab(5).
//
//go:embed keepone.inittab
var Inittab string

// UserUnit is keepone@.service for a user's own systemd: it runs the backend of
// ~/.config/keepone/NAME.toml.
//
//go:embed user/keepone@.service
var UserUnit string
