// A place where elements stand: a message, a modal, the App Home. It carries presses to the app and reads inputs.
// Rule: an input inside an input block tells the app nothing until it is submitted, unless it asks for dispatch_action.

import { ask } from "./server.js";

export function formPlace(name, where, held = {}) {
  const fields = new Map();
  const state = () => {
    const values = {};
    for (const [block, actions] of fields) {
      values[block] = {};
      for (const [action, read] of actions) values[block][action] = read();
    }
    return values;
  };
  return {
    name,
    state,
    initial: (block, item) => (held[block.block_id] || {})[item.action_id],
    field: (block, item, read) => {
      if (!fields.has(block.block_id)) fields.set(block.block_id, new Map());
      fields.get(block.block_id).set(item.action_id, read);
    },
    chosen: (block) => block.type !== "input" || block.dispatch_action === true,
    act: (block, item, value) => ask("/_sandbox/click", {
      ...where, action_id: item.action_id, block_id: block.block_id, value, state: state(),
    }),
    suggest: (block, item, value) => ask("/_sandbox/suggest", { ...where, action_id: item.action_id, block_id: block.block_id, value }),
  };
}
