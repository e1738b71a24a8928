// Names for ids. Rule: an id that nobody has is shown as it is, never guessed.

const people = new Map();
const groups = new Map();
const channels = new Map();

export function know(state) {
  for (const user of state.users) people.set(user.id, user);
  for (const group of state.usergroups) groups.set(group.id, group);
  for (const channel of state.channels) channels.set(channel.id, channel);
}

export const userName = (id) => {
  const user = people.get(id);
  return user ? user.profile.display_name || user.real_name : id;
};
export const groupName = (id) => (groups.get(id) ? groups.get(id).handle : id);
export const channelName = (id) => (channels.get(id) ? channels.get(id).name : id);
export const everybody = () => [...people.values()].filter((user) => !user.is_bot);
export const isBot = (id) => Boolean(people.get(id) && people.get(id).is_bot);
