import { RightBroadcastingClient } from './right-client';

/** Faults of clients that pass messages, or look at many records. */
export const faultsOfMessages: Record<string, { client: new () => object; noticedBy: string; about: string }> = {
  'leaves out missing records in `peek`': {
    client: class extends RightBroadcastingClient {
      override async peek(keys: readonly string[]) {
        return (await super.peek(keys)).filter((text) => text !== null);
      }
    },
    noticedBy: 'says of many keys which have a record, in their order, if it has `peek`',
    about: '`peek`',
  },
  'looks at no more than a thousand records': {
    client: class extends RightBroadcastingClient {
      override peek(keys: readonly string[]) {
        return super.peek(keys.slice(0, 1000));
      }
    },
    noticedBy: 'says of many keys which have a record, in their order, if it has `peek`',
    about: '`peek`',
  },
  'shows expired records in `peek`': {
    client: class extends RightBroadcastingClient {
      override beginning(key: string) {
        return this.rows.get(key)?.text ?? null;
      }
    },
    noticedBy: 'shows no record that was destroyed or has expired in `peek`, if it has `peek`',
    about: '`peek`',
  },
  'says in `peek` only that there is a record': {
    client: class extends RightBroadcastingClient {
      override beginning(key: string) {
        return super.beginning(key) === null ? null : '{...';
      }
    },
    noticedBy: 'shows in `peek` that a record marks a regenerated session, if it has `peek` and `create`',
    about: '`peek`',
  },
  'passes messages to one listener': {
    client: class extends RightBroadcastingClient {
      override listenersOf(channel: string) {
        return super.listenersOf(channel).slice(0, 1);
      }
    },
    noticedBy:
      'passes messages unchanged to all who listen to the channel, and to no others, if it has `publish` and `subscribe`',
    about: '`publish`',
  },
  'takes a channel for a prefix': {
    client: class extends RightBroadcastingClient {
      override isOn(channel: string, published: string) {
        return published.startsWith(channel) || channel.startsWith(published);
      }
    },
    noticedBy:
      'passes messages unchanged to all who listen to the channel, and to no others, if it has `publish` and `subscribe`',
    about: '`publish`',
  },
  'goes on after the end of a subscription': {
    client: class extends RightBroadcastingClient {
      override subscribe(channel: string, listener: (text: string) => void, began: () => void) {
        super.subscribe(channel, listener, began);
        return () => undefined;
      }
    },
    noticedBy: 'passes no message to those who have stopped listening, if it has `publish` and `subscribe`',
    about: '`publish`',
  },
};
