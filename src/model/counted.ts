// A number with its noun in the right form: "1 socket", "2 sockets", "1 process", "0 processes".

/** A number with its noun. `many` is the plural, where it is not the noun with an s. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
