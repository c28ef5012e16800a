package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

var attributes = kind[admin.Attribute]{
	noun: "attribute", key: "NAME", example: "department",
	layout: layout[admin.Attribute]{
		[]string{"NAME", "TYPE", "STANDARD", "DESCRIPTION"},
		func(v admin.Attribute) []any { return []any{v.Name, v.Type, v.Standard, v.Description} },
	},
	details: func(w io.Writer, v admin.Attribute) {
		details(w, "name", v.Name, "type", v.Type, "standard", v.Standard, "description", v.Description,
			"managed_by", v.ManagedBy, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
	},
}

func (a *app) attributeCommand() *cobra.Command {
	return noun("attribute", "Manage attributes: what users may have beside a name and an e-mail address",
		a.attributeCreate(), attributes.listCommand(a), attributes.showCommand(a), a.attributeUpdate(),
		attributes.change(a, "delete"))
}

func (a *app) attributeCreate() *cobra.Command {
	var kind, description string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Define an attribute that users may have",
		Long: `Defines an attribute that users may have. Those that OpenID Connect has a claim for are built in: see "signet attribute list".
The type stays what it is.`,
		Example: `  signet attribute create department --description "As in the address book"
  signet attribute create badge --type number
  signet attribute create projects --type string_list`,
		Args: cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			created, err := call[admin.Attribute](ctx, c, "attribute.create", members{"name": args[0], "type": kind, "description": description})
			return attributes.show(created), err
		}),
	}
	var types []string
	for _, t := range domain.AttributeTypes {
		types = append(types, string(t))
	}
	cmd.Flags().StringVar(&kind, "type", string(domain.AttributeString), "its values are of this `TYPE`: "+strings.Join(types, ", "))
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` what it is")
	complete := cobra.FixedCompletions(types, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("type", complete); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (a *app) attributeUpdate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:     "update NAME --description TEXT",
		Short:   "Change the description of an attribute",
		Example: `  signet attribute update department --description "As in the directory"`,
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			updated, err := change(ctx, c, "attribute.update", args[0], func(admin.Attribute) (any, error) {
				return members{"description": description}, nil
			})
			return attributes.show(updated), err
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` what it is")
	cmd.MarkFlagsOneRequired("description")
	return cmd
}

// parseAttributes reads changes of attributes from texts, by name; those to remove become nil. domain.ErrInvalid if a text is not of the
// attribute's type.
func parseAttributes(ctx context.Context, c *adminclient.Client, given map[string][]string, remove []string) (map[string]any, error) {
	find := func(name string) (domain.Attribute, error) {
		defined, err := attributes.find(ctx, c, name)
		return domain.Attribute{Name: defined.Name, Type: domain.AttributeType(defined.Type)}, err
	}
	return domain.ParseAttributes(find, given, remove)
}

// pairs makes a flag of NAME=VALUE that may be repeated, also for one name.
func pairs(flags *pflag.FlagSet, into *map[string][]string, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		name, value, divided := strings.Cut(text, "=")
		if !divided || name == "" || value == "" {
			return errors.New("write NAME=VALUE")
		}
		if *into == nil {
			*into = map[string][]string{}
		}
		(*into)[name] = append((*into)[name], value)
		return nil
	})
}

// showAttributes writes a user's attributes for people.
func showAttributes(w io.Writer, values map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		switch v := value.(type) {
		case string:
			value = strings.ReplaceAll(v, "\n", " ")
		case float64:
			text, err := json.Marshal(v)
			if err == nil {
				value = string(text)
			}
		case []any:
			texts := make([]string, len(v))
			for i, text := range v {
				texts[i] = fmt.Sprint(text)
			}
			value = strings.Join(texts, ", ")
		}
		details(w, "attribute "+name, value)
	}
}
