package install

import (
	"fmt"

	"github.com/kardianos/service"
)

// What kardianos/service 1.3.0 names the init systems.
const (
	librarySystemd = "linux-systemd"
	librarySysV    = "unix-systemv"
	libraryOpenRC  = "linux-openrc"
)

// scriptOption is the option under which each of them takes the file's text.
var scriptOption = map[string]string{
	librarySystemd: "SystemdScript",
	librarySysV:    "SysvScript",
	libraryOpenRC:  "OpenRCScript",
}

// library is the init system's service in kardianos/service. The platform is
// ours to say: its own choice goes by what is in PATH. It takes the text for a
// template, in which "{{" means something; so the template is a single key, and
// the text its value, which is not looked into.
func (t *Task) library(platform, name, text string) (service.Service, error) {
	for _, system := range service.AvailableSystems() {
		if system.String() != platform {
			continue
		}
		return system.New(nil, &service.Config{
			Name: name, Executable: t.Program, Description: text,
			Option: service.KeyValue{scriptOption[platform]: "{{Description}}", "UserService": t.User},
		})
	}
	return nil, fmt.Errorf("cannot register %s: the library knows no %s", name, platform)
}

// register has the library write and enable a file that is not there yet. What
// it could not do is done again by our own means, which also say what is wrong:
// the library drops what a program prints.
func (t *Task) register(platform, name, text string) {
	if s, err := t.library(platform, name, text); err == nil {
		_ = s.Install() // looked at by who calls: what is missing is done there
	}
}
