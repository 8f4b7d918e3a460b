// Episodes that outlive a reload of the page and a restart of the server: kept in the tab, and played again from their seed and
// actions where the server has them no more.

import { call, Refusal } from "./requests.js";

/** Where the episode of an environment is kept: in this tab, until it is closed. */
const keyOf = (name) => `casebook-episode-1:${name}`;

/** Keeps an episode; one that is too large for the browser is not kept. */
export function keep(name, play) {
  try {
    sessionStorage.setItem(keyOf(name), JSON.stringify({ ...play, itemFields: undefined }));
  } catch {
    sessionStorage.removeItem(keyOf(name));
  }
}

/** The episode that was kept; null when there is none. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(name)));
  } catch {
    return null;
  }
}

export const forget = (name) => sessionStorage.removeItem(keyOf(name));

/** Whether the server still has an episode as it was left. */
export async function goesOn(path, { session, episode, steps }) {
  const state = await call(`${path}/state`, { session }).catch((error) => {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  });
  return state !== null && state.episode_id === episode && state.step_count === steps.length;
}

/** Plays an episode again: the same task, seed, arguments and actions, on the same rules where the server still has them. */
export async function playAgain(path, { task, seed, given, generation, digest, steps }) {
  const number = Number(seed);
  const body = { ...given, task_id: task, seed: Number.isSafeInteger(number) ? number : seed };
  let begun = await call(`${path}/reset`, { body });
  if (begun.observation.metadata.digest !== digest) {
    const session = begun.observation.metadata.session_id;
    const held = await call(`${path}/reset`, { body: { ...body, generation }, session }).catch(() => null);
    begun = held?.observation.metadata.digest === digest ? held : await call(`${path}/reset`, { body, session });
  }
  const { session_id: session, episode_id: episode, generation: played, digest: now } = begun.observation.metadata;
  const again = { begun, session, episode, generation: played, digest: now, answers: [], same: true };
  for (const { action, reward } of steps) {
    const answer = await call(`${path}/step`, { body: { action }, session });
    again.answers.push(answer);
    again.same &&= answer.reward === reward;
  }
  return again;
}
